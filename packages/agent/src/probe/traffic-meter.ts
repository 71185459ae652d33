/**
 * From counters to smoothed rates. Pure: time and counters come in, a reading goes out.
 *
 * A pair is watched here while one of its addresses is local. The rule: what nobody watched is not
 * guessed. A pair's first counter after the baseline counts from 0; an average is divided by the weight
 * of the time for which its address was watched, so that a domain that just arrived is not taken for idle.
 * `measured` needs a whole smoothing window since the baseline and since anything was lost.
 */

import type { PairRate, TrafficReading } from '@barter/core';
import { isUnicast, pairKey } from './address.ts';
import type { Counters } from './counters.ts';
import { added, smooth, unbiased } from './smoothing.ts';

type Average = Readonly<{ bitsPerSecond: number; sinceMs: number }>;

/** What a meter knows, as plain data: it can be kept across a restart of the agent. */
export type MeterState = {
  epoch: string;
  startedAtMs: number;
  readAtMs: number;
  lostAtMs: number | null;
  lostBytes: number;
  /** Last counter of each direction, `from to`. */
  counts: Record<string, number>;
  /** Of each watched pair: its average rate in bit/s (see smoothing.ts), and since when it is one. */
  averages: Record<string, Average>;
  /** Since when each local address has been watched. */
  watchedSinceMs: Record<string, number>;
};

/** Below this a pair that has fallen silent is forgotten, in bit/s. */
const forgottenBelow = 1;

export class TrafficMeter {
  readonly #smoothingMs: number;
  #state: MeterState | undefined;

  /** `state`: what an earlier meter knew, at most one smoothing window ago. */
  constructor(smoothingMs: number, state?: MeterState) {
    this.#smoothingMs = smoothingMs;
    this.#state = state;
  }

  get state(): MeterState | undefined {
    return this.#state;
  }

  /** Something was lost or began again: what is known stays, but it is not complete. */
  interrupted(nowMs: number): void {
    if (this.#state !== undefined) this.#state.lostAtMs = nowMs;
  }

  /** Takes one reading of the counters. `nowMs` never goes back (a monotonic clock). */
  read(counters: Counters, local: ReadonlySet<string>, nowMs: number): TrafficReading {
    const known = this.#state;
    if (known === undefined) this.#state = this.#baseline(counters, nowMs);
    else if (known.epoch !== counters.epoch) this.#beginAgain(known, counters, nowMs);
    else this.#advance(known, counters, nowMs);
    const state = this.#state as MeterState;
    watch(state, local, nowMs);
    const problems = this.#problems(state, counters, nowMs);
    return {
      rates: this.#rates(state, nowMs),
      measured: problems.length === 0 && this.#complete(state, nowMs),
      problems,
      watched: [...local].map((address) => ({
        address,
        forMs: nowMs - (state.watchedSinceMs[address] ?? nowMs),
      })),
    };
  }

  #baseline(counters: Counters, nowMs: number): MeterState {
    return {
      epoch: counters.epoch,
      startedAtMs: nowMs,
      readAtMs: nowMs,
      lostAtMs: null,
      lostBytes: counters.lostBytes,
      counts: countsOf(counters),
      averages: {},
      watchedSinceMs: {},
    };
  }

  /** The counters were put in place anew since the last reading: what they counted before that is gone. */
  #beginAgain(state: MeterState, counters: Counters, nowMs: number): void {
    state.epoch = counters.epoch;
    state.lostAtMs = nowMs;
    state.lostBytes = 0;
    state.counts = {};
    this.#advance(state, counters, nowMs);
  }

  #advance(state: MeterState, counters: Counters, nowMs: number): void {
    const intervalMs = nowMs - state.readAtMs;
    // Two readings at once say nothing about a rate; the next one takes it all.
    if (intervalMs <= 0) return;
    const bits = new Map<string, number>();
    for (const { from, to, bytes } of counters.pairs) {
      if (!(from in state.watchedSinceMs) && !(to in state.watchedSinceMs)) continue;
      if (!isUnicast(from) || !isUnicast(to)) continue;
      const key = pairKey(from, to);
      const more = added(state.counts[`${from} ${to}`], bytes) * 8;
      bits.set(key, (bits.get(key) ?? 0) + more);
    }
    const averages: Record<string, Average> = {};
    for (const key of new Set([...Object.keys(state.averages), ...bits.keys()])) {
      const rate = ((bits.get(key) ?? 0) * 1000) / intervalMs;
      const known = state.averages[key];
      const before = known?.bitsPerSecond ?? 0;
      const bitsPerSecond = smooth(before, rate, intervalMs, this.#smoothingMs);
      // A pair that had been silent was seen to be silent for as long as its address was watched.
      const sinceMs = known?.sinceMs ?? watchedSince(state, key);
      if (bitsPerSecond >= forgottenBelow) averages[key] = { bitsPerSecond, sinceMs };
    }
    state.averages = averages;
    state.counts = countsOf(counters);
    state.readAtMs = nowMs;
  }

  #problems(state: MeterState, counters: Counters, nowMs: number): string[] {
    const problems: string[] = [];
    const lost = added(state.lostBytes, counters.lostBytes);
    if (lost > 0)
      problems.push(`${lost} bytes of traffic could not be counted: the pair set was full.`);
    if (counters.full !== undefined) problems.push(counters.full);
    if (problems.length > 0) state.lostAtMs = nowMs;
    state.lostBytes = counters.lostBytes;
    return problems;
  }

  #complete(state: MeterState, nowMs: number): boolean {
    return nowMs - Math.max(state.startedAtMs, state.lostAtMs ?? 0) >= this.#smoothingMs;
  }

  #rates(state: MeterState, nowMs: number): PairRate[] {
    const rates: PairRate[] = [];
    for (const [key, { bitsPerSecond, sinceMs }] of Object.entries(state.averages)) {
      const [a = '', b = ''] = key.split(' ');
      const rate = unbiased(bitsPerSecond, nowMs - sinceMs, this.#smoothingMs);
      if (rate >= forgottenBelow) rates.push({ a, b, bitsPerSecond: rate });
    }
    return rates;
  }
}

/** Addresses that came are watched from now; of those that left, what is known is dropped. */
function watch(state: MeterState, local: ReadonlySet<string>, nowMs: number): void {
  const since: Record<string, number> = {};
  for (const address of local) since[address] = state.watchedSinceMs[address] ?? nowMs;
  state.watchedSinceMs = since;
  for (const key of Object.keys(state.averages)) {
    const [a = '', b = ''] = key.split(' ');
    if (!local.has(a) && !local.has(b)) delete state.averages[key];
  }
}

/** Since when a pair has been watched: through the one of its addresses that was here longer. */
function watchedSince(state: MeterState, key: string): number {
  const since = key.split(' ').map((address) => state.watchedSinceMs[address] ?? Infinity);
  return Math.min(...since);
}

function countsOf(counters: Counters): Record<string, number> {
  return Object.fromEntries(counters.pairs.map(({ from, to, bytes }) => [`${from} ${to}`, bytes]));
}
