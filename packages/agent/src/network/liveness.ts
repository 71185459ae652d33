/**
 * Notices within about two and a half seconds that a peer hangs or its network is gone although the
 * connection stays open: whoever has not heard anything for a second asks, and whoever stays silent
 * is given up.
 *
 * libp2p's own monitor opens a stream for every ping (ten times the cost), and judges by a timer alone: an
 * agent that was itself busy for two seconds would take all of its peers for dead. Here the time
 * in which we could not listen does not count.
 */

import type { Session } from './sessions.ts';

const everyMs = 500;
const askAfterMs = 1000;
const silenceMaxMs = 2500;

type Options = Readonly<{
  sessions: () => Iterable<Session>;
  ask: (session: Session) => void;
  lost: (session: Session, silentMs: number) => void;
  nowMs?: () => number;
}>;

export class Liveness {
  readonly #options: Options;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #tickedAtMs = 0;
  /** How long we could not listen, in all. */
  #deafMs = 0;
  readonly #deafAtHeard = new WeakMap<Session, Readonly<{ heardAtMs: number; deafMs: number }>>();

  constructor(options: Options) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  start(): void {
    this.#tickedAtMs = this.#nowMs();
    this.#timer = setInterval(() => this.tick(), everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  tick(): void {
    const nowMs = this.#nowMs();
    this.#deafMs += Math.max(0, nowMs - this.#tickedAtMs - everyMs);
    this.#tickedAtMs = nowMs;
    for (const session of [...this.#options.sessions()]) {
      const silentMs = this.#silentMs(session, nowMs);
      if (silentMs > silenceMaxMs) this.#options.lost(session, silentMs);
      else if (silentMs >= askAfterMs) this.#options.ask(session);
    }
  }

  #silentMs(session: Session, nowMs: number): number {
    const { heardAtMs } = session.stream;
    let heard = this.#deafAtHeard.get(session);
    if (heard?.heardAtMs !== heardAtMs) {
      heard = { heardAtMs, deafMs: this.#deafMs };
      this.#deafAtHeard.set(session, heard);
    }
    return nowMs - heardAtMs - (this.#deafMs - heard.deafMs);
  }
}
