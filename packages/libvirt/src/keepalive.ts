/**
 * Notices a libvirtd that hangs: pings it while it is silent, and gives up after some silent
 * intervals. Whatever arrives counts as a sign of life.
 */

export type KeepaliveSettings = Readonly<{
  intervalMs: number;
  /** So many unanswered pings in a row end the connection. */
  unansweredMax: number;
}>;

export class Keepalive {
  readonly #settings: KeepaliveSettings;
  readonly #ping: () => void;
  readonly #dead: (silentMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #unanswered = 0;
  #heardSinceTick = false;

  constructor(settings: KeepaliveSettings, ping: () => void, dead: (silentMs: number) => void) {
    this.#settings = settings;
    this.#ping = ping;
    this.#dead = dead;
  }

  start(): void {
    this.stop();
    this.#timer = setInterval(() => this.#tick(), this.#settings.intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  heard(): void {
    this.#heardSinceTick = true;
  }

  #tick(): void {
    const { intervalMs, unansweredMax } = this.#settings;
    if (this.#heardSinceTick) {
      this.#heardSinceTick = false;
      this.#unanswered = 0;
    }
    // The event loop may have been held up itself: only what stays silent after a ping counts.
    if (this.#unanswered >= unansweredMax) {
      this.stop();
      this.#dead(intervalMs * unansweredMax);
      return;
    }
    this.#unanswered += 1;
    this.#ping();
  }
}
