/**
 * Frames over a libp2p stream: each with its length before it, bounded in size both ways.
 *
 * Sending never blocks and never throws: frames wait in an outbox while the stream is full, and go out
 * together when it drains. A length beyond the bound ends the stream before anything is buffered.
 */

import type { Stream } from '@libp2p/interface';
import * as lengthPrefixed from 'it-length-prefixed';
import { pipe } from 'it-pipe';
import { Outbox } from './outbox.ts';
import { limits } from './wire/limits.ts';

export type FramedStreamEnd =
  | Readonly<{ kind: 'closed'; detail: string }>
  /** The other side sent a length beyond the bound. */
  | Readonly<{ kind: 'oversize' }>;

type Listeners = Readonly<{
  onFrame(bytes: Uint8Array): void;
  /** Once. */
  onEnd(end: FramedStreamEnd): void;
}>;

const lengthErrors = new Set([
  'InvalidDataLengthError',
  'InvalidDataLengthLengthError',
  'InvalidMessageLengthError',
]);
const outboxLimits = { bytesMax: 4 * 1024 * 1024, framesMax: 4096 };
/** What is written at once: more gains nothing, and a stream that holds more than 1 MiB is slow. */
const batchBytes = 128 * 1024;
const unsentBytesMax = 512 * 1024;

export class FramedStream {
  readonly #stream: Stream;
  readonly #listeners: Listeners;
  readonly #outbox = new Outbox(outboxLimits);
  #isScheduled = false;
  #isEnded = false;
  #heardAtMs = performance.now();

  constructor(stream: Stream, listeners: Listeners) {
    this.#stream = stream;
    this.#listeners = listeners;
    // Not `stream.onDrain()`: in this version of libp2p it resolves only the first time.
    stream.addEventListener('drain', () => this.#schedule());
    stream.addEventListener('idle', () => this.#schedule());
    stream.addEventListener('close', (event) => {
      this.#end({ kind: 'closed', detail: event.error?.message ?? 'the stream was closed' });
    });
    void this.#read();
  }

  get isOpen(): boolean {
    return !this.#isEnded;
  }

  /** When bytes last came in (or the stream was opened), as `performance.now()` tells it. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Best-effort frames given up because the peer did not read fast enough. */
  get dropped(): number {
    return this.#outbox.dropped;
  }

  /** False when the frame was not taken: the stream has ended, or the outbox is full. */
  send(bytes: Uint8Array, options: Readonly<{ bestEffort: boolean }>): boolean {
    if (this.#isEnded) return false;
    const taken = this.#outbox.push({ bytes, bestEffort: options.bestEffort });
    this.#schedule();
    return taken;
  }

  abort(reason: string): void {
    this.#stream.abort(new Error(reason));
    this.#end({ kind: 'closed', detail: reason });
  }

  async #read(): Promise<void> {
    try {
      await pipe(
        this.#heard(),
        (source) => lengthPrefixed.decode(source, { maxDataLength: limits.frameBytes }),
        async (frames) => {
          for await (const bytes of frames) {
            if (this.#isEnded) return;
            this.#listeners.onFrame(bytes.subarray());
          }
        },
      );
      this.#end({ kind: 'closed', detail: 'the peer closed the stream' });
    } catch (error) {
      const name = error instanceof Error ? error.name : '';
      const detail = error instanceof Error ? error.message : String(error);
      this.#end(lengthErrors.has(name) ? { kind: 'oversize' } : { kind: 'closed', detail });
    }
    if (this.#stream.status === 'open') this.#stream.abort(new Error('no longer read'));
  }

  async *#heard() {
    for await (const bytes of this.#stream) {
      this.#heardAtMs = performance.now();
      yield bytes;
    }
  }

  /** Frames pushed in one turn of the event loop are sent, and encrypted, together. */
  #schedule(): void {
    if (this.#isScheduled || this.#isEnded || this.#outbox.length === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#write();
    });
  }

  #write(): void {
    try {
      while (!this.#isEnded && !this.#stream.writableNeedsDrain && this.#outbox.length > 0) {
        if (this.#stream.writeBufferLength > unsentBytesMax) return;
        const batch = [...lengthPrefixed.encode(this.#outbox.take(batchBytes))];
        this.#stream.send(Buffer.concat(batch.map((part) => part.subarray())));
      }
    } catch (error) {
      // The stream closed in between: everything on it is lost, which best effort allows.
      this.#end({ kind: 'closed', detail: error instanceof Error ? error.message : String(error) });
    }
  }

  #end(end: FramedStreamEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#listeners.onEnd(end);
  }
}
