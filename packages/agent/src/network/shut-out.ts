/**
 * Peers that sent garbage or floods: named in the log and ignored for a while, so that a peer gone wrong
 * costs the others a bounded amount of time. Each new offence within an hour doubles the while.
 */

import type { HostId, Log } from '@barter/core';
import { TokenBucket } from './rate-limit.ts';

const firstMs = 30_000;
const longestMs = 600_000;
const forgetMs = 3_600_000;
/** A few bad frames may come from a version apart; more in a minute do not. */
const strikesPerMinute = 8;

/** A bad link falls silent now and then, on two streams at most; who connects to fall silent does it more often. */
const silencesForgiven = { capacity: 10, perSecond: 0.1 };

type Record = {
  untilMs: number;
  offences: number;
  strikes: TokenBucket;
  silences: TokenBucket;
};

export class ShutOuts {
  readonly #records = new Map<HostId, Record>();
  readonly #log: Log;
  readonly #onShutOut: (peer: HostId) => void;
  readonly #nowMs: () => number;

  constructor(
    log: Log,
    onShutOut: (peer: HostId) => void,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#log = log;
    this.#onShutOut = onShutOut;
    this.#nowMs = nowMs;
  }

  has(peer: HostId): boolean {
    const record = this.#records.get(peer);
    return record !== undefined && record.untilMs > this.#nowMs();
  }

  /** One bad frame or message: logged, and too many of them shut the peer out. */
  strike(peer: HostId, problem: string): void {
    const record = this.#record(peer);
    if (record.strikes.take()) {
      this.#log.log('warn', 'peer-garbage', `${peer} sent something invalid: ${problem}`, { peer });
    } else {
      this.shutOut(peer, `it keeps sending what is not valid (${problem})`);
    }
  }

  /** A stream with the peer was given up because nothing came on it, also when asked. */
  fellSilent(peer: HostId): void {
    if (!this.#record(peer).silences.take()) {
      this.shutOut(peer, 'it connects and falls silent, again and again');
    }
  }

  /** Disconnects the peer and ignores it for a while: for as long as its offences ask for, or `atLeastMs`, within bounds. */
  shutOut(peer: HostId, reason: string, atLeastMs = 0): void {
    const record = this.#record(peer);
    const nowMs = this.#nowMs();
    if (record.untilMs > nowMs) return;
    if (nowMs - record.untilMs > forgetMs) record.offences = 0;
    const forMs = Math.min(longestMs, Math.max(atLeastMs, firstMs * 2 ** record.offences));
    record.offences += 1;
    record.untilMs = nowMs + forMs;
    this.#log.log(
      'warn',
      'peer-shut-out',
      `${peer} is ignored for ${Math.round(forMs / 1000)} s: ${reason}. If it is one of ours, look at its log and version; otherwise: barter expel ${peer}`,
      { peer, forMs },
    );
    this.#onShutOut(peer);
  }

  #record(peer: HostId): Record {
    const known = this.#records.get(peer);
    if (known !== undefined) return known;
    const record: Record = {
      untilMs: Number.NEGATIVE_INFINITY,
      offences: 0,
      strikes: new TokenBucket(
        { capacity: strikesPerMinute, perSecond: strikesPerMinute / 60 },
        this.#nowMs,
      ),
      silences: new TokenBucket(silencesForgiven, this.#nowMs),
    };
    this.#records.set(peer, record);
    return record;
  }
}
