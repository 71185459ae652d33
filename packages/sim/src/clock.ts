/** Simulated time: it stands still until the simulation moves it. */

import type { Clock } from '@barter/core';

/** The `Clock` port. `skewMs` is how far one host's clock is off the simulation's. */
export class SimClock implements Clock {
  #nowMs: number;
  skewMs = 0;

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    // Whole milliseconds, like a real clock.
    return Math.floor(this.#nowMs + this.skewMs);
  }

  advanceTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }
}
