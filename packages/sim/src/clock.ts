/** Simulated time: it stands still until the simulation moves it. */

import type { Clock } from '@barter/core';

/**
 * The `Clock` port. A machine's wall clock is off the simulation's by `wallSkewMs`; an agent's clock begins there
 * when the agent starts, and goes on by itself from then on, whoever sets the wall clock.
 */
export class SimClock implements Clock {
  #nowMs: number;
  #skewMs = 0;
  wallSkewMs = 0;
  /** Told by how much the clock is off from where it was, when an agent starts. */
  onRestart: (byMs: number) => void = () => {};

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    // Whole milliseconds, like a real clock.
    return Math.floor(this.#nowMs + this.#skewMs);
  }

  advanceTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** The machine's clocks gain or lose that much, all of them. */
  drift(byMs: number): void {
    this.#skewMs += byMs;
    this.wallSkewMs += byMs;
  }

  restart(): void {
    const byMs = this.wallSkewMs - this.#skewMs;
    this.#skewMs = this.wallSkewMs;
    if (byMs !== 0) this.onRestart(byMs);
  }
}
