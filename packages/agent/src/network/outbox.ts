/**
 * Frames waiting to be sent to one peer. Bounded: beyond the bound the oldest best-effort frame makes
 * room and is counted, because a newer message is worth more than an older one to every protocol of
 * ours. What is not best effort (an answer, the roster) is refused when nothing can make room.
 */

export type Waiting = Readonly<{ bytes: Uint8Array; bestEffort: boolean }>;

export class Outbox {
  readonly #bytesMax: number;
  readonly #framesMax: number;
  #frames: Waiting[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(limits: Readonly<{ bytesMax: number; framesMax: number }>) {
    this.#bytesMax = limits.bytesMax;
    this.#framesMax = limits.framesMax;
  }

  get length(): number {
    return this.#frames.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many best-effort frames were given up so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** False when the frame was not taken. */
  push(frame: Waiting): boolean {
    while (this.#isFullFor(frame) && this.#dropOldest()) {
      // Each round gives up one frame, until there is room or nothing more to give up.
    }
    if (this.#isFullFor(frame)) {
      if (frame.bestEffort) this.#dropped += 1;
      return false;
    }
    this.#frames.push(frame);
    this.#bytes += frame.bytes.length;
    return true;
  }

  /** Takes the frames to send next: as many as fit into `bytesMax`, at least one if there is any. */
  take(bytesMax: number): readonly Uint8Array[] {
    let end = 0;
    let bytes = 0;
    for (const frame of this.#frames) {
      if (end > 0 && bytes + frame.bytes.length > bytesMax) break;
      bytes += frame.bytes.length;
      end += 1;
    }
    const taken = this.#frames.slice(0, end);
    this.#frames = this.#frames.slice(end);
    this.#bytes -= bytes;
    return taken.map((frame) => frame.bytes);
  }

  #isFullFor(frame: Waiting): boolean {
    return (
      this.#frames.length >= this.#framesMax || this.#bytes + frame.bytes.length > this.#bytesMax
    );
  }

  #dropOldest(): boolean {
    const index = this.#frames.findIndex((frame) => frame.bestEffort);
    if (index < 0) return false;
    const [gone] = this.#frames.splice(index, 1);
    this.#bytes -= gone?.bytes.length ?? 0;
    this.#dropped += 1;
    return true;
  }
}
