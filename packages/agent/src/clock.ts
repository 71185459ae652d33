/**
 * The agent's clock: time as it passes on this machine, whoever sets the machine's clock meanwhile (NTP at first
 * contact, an administrator with `date -s`). A lease that ends because a clock was set would give room away that
 * something is about to arrive in.
 *
 * It begins at the wall clock's time and counts on by CLOCK_MONOTONIC, which nobody sets. Two corrections:
 *  - That clock stands still while the machine is suspended, and others' leases run on: the difference to the time
 *    since boot is added, as far as the wall clock has gone on as well.
 *  - What is left of the difference to the wall clock is made up for slowly, so that times shown to people stay
 *    right: half a percent is less than what cheap clocks differ by anyway.
 */

import { uptime } from 'node:os';
import type { Clock, Journal } from '@barter/core';
import { monotonicMs } from './mover/monotonic.ts';

export type ClockSources = Readonly<{
  wallMs(): number;
  /** Stands still in a suspend. */
  monotonicMs(): number;
  /** Does not, and is coarse. */
  sinceBootMs(): number;
}>;

const machine: ClockSources = {
  wallMs: () => Date.now(),
  monotonicMs,
  sinceBootMs: () => uptime() * 1000,
};

/** Milliseconds that the clock may be off its course for each that passes. */
const slewMax = 0.005;
/** How often to see whether the machine slept; and what is too short to tell from the grain of the sources. */
const lookEveryMs = 1_000;
const sleepMinMs = 500;
/** A difference that people should hear of. */
const gapToldMs = 10_000;

export class AgentClock implements Clock {
  readonly #sources: ClockSources;
  #nowMs: number;
  #readAtMs: number;
  #lookAtMs: number;
  /** Time since boot less monotonic time, as last seen. */
  #aheadMs: number;

  constructor(sources: ClockSources = machine) {
    this.#sources = sources;
    this.#nowMs = sources.wallMs();
    this.#readAtMs = sources.monotonicMs();
    this.#aheadMs = sources.sinceBootMs() - this.#readAtMs;
    this.#lookAtMs = this.#readAtMs + lookEveryMs;
  }

  /** Whole milliseconds. */
  nowMs(): number {
    const readAtMs = this.#sources.monotonicMs();
    const passedMs = Math.max(0, readAtMs - this.#readAtMs);
    this.#readAtMs = readAtMs;
    this.#nowMs += passedMs;
    const gapMs = this.#sources.wallMs() - this.#nowMs;
    const sleptMs = readAtMs < this.#lookAtMs ? 0 : Math.min(this.#slept(readAtMs), gapMs);
    if (sleptMs > 0) this.#nowMs += sleptMs;
    else this.#nowMs += Math.max(-slewMax * passedMs, Math.min(slewMax * passedMs, gapMs));
    return Math.floor(this.#nowMs);
  }

  /** One sentence for operators when the machine's clock was set to another time than this one counts on from. */
  problems(): readonly string[] {
    const gapMs = this.#sources.wallMs() - this.nowMs();
    if (Math.abs(gapMs) < gapToldMs) return [];
    const seconds = Math.round(Math.abs(gapMs) / 1000);
    const perHour = Math.round(slewMax * 3600);
    return [
      `the clock of this host was set ${gapMs > 0 ? 'forward' : 'back'} by ${seconds} s while the agent runs, whose times follow by ${perHour} s an hour; restart the agent to follow at once`,
    ];
  }

  #slept(readAtMs: number): number {
    this.#lookAtMs = readAtMs + lookEveryMs;
    const aheadMs = this.#sources.sinceBootMs() - readAtMs;
    const sleptMs = aheadMs - this.#aheadMs;
    if (Math.abs(sleptMs) < sleepMinMs) return 0;
    this.#aheadMs = aheadMs;
    return sleptMs;
  }
}

/** Receipts are for people, and compared with logs: they carry the wall clock's time. */
export function stampingJournal(journal: Journal, wallMs: () => number = machine.wallMs): Journal {
  return {
    load: () => journal.load(),
    append: (records) =>
      journal.append(
        records.map((record) =>
          record.kind === 'receipt'
            ? { ...record, value: { ...record.value, atMs: wallMs() } }
            : record,
        ),
      ),
  };
}
