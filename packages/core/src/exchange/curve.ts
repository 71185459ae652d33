/** An excess curve (`cost.ts`) of one host, ready to be evaluated many times: what a search does most. */

import type { ExcessCurve } from '../model/cost.ts';

export class HostCurve {
  /** Loads at which the cost begins to rise, or to rise faster; ascending. */
  readonly #knees: readonly number[];
  /** By how much faster it rises from there, bit/s for one unit of load. */
  readonly #slopes: readonly number[];
  /** Up to this load the host costs nothing. */
  readonly free: number;

  /** A capacity of 0 is not known: then nothing is too much. */
  constructor({ weightBitsPerSecond, hinges }: ExcessCurve, capacity: number) {
    const known = capacity > 0 ? hinges : [];
    this.#knees = known.map(({ above }) => above * capacity);
    this.#slopes = known.map(({ slope }) => (weightBitsPerSecond * slope) / capacity);
    this.free = this.#knees[0] ?? Infinity;
  }

  /** What this load costs; bit/s. */
  cost(load: number): number {
    if (load <= this.free) return 0;
    let sum = 0;
    for (let n = 0; n < this.#knees.length; n++) {
      const over = load - (this.#knees[n] as number);
      if (over <= 0) break;
      sum += (this.#slopes[n] as number) * over;
    }
    return sum;
  }
}
