/** An excess curve (`cost.ts`) of one host, ready to be evaluated many times: what a search does most. */

import type { ExcessCurve } from '../model/cost.ts';

/** Where the curve begins to rise, or to rise faster, and by how much faster: bit/s for one unit of load. */
type Knee = Readonly<{ load: number; slope: number }>;

const never: Knee = { load: Infinity, slope: 0 };

/** Nearly every curve has two knees at most. They are fields: walking through a list takes several times as long. */
export class HostCurve {
  /** Up to this load the host costs nothing. */
  readonly free: number;
  readonly #first: number;
  readonly #second: number;
  readonly #secondAt: number;
  /** All knees, ascending, where there are more than two. */
  readonly #many: readonly Knee[] | undefined;

  /** A capacity of 0 is not known: then nothing is too much. */
  constructor({ weightBitsPerSecond, hinges }: ExcessCurve, capacity: number) {
    const known = capacity > 0 ? hinges : [];
    const knees = known.map(({ above, slope }) => ({
      load: above * capacity,
      slope: (weightBitsPerSecond * slope) / capacity,
    }));
    const [first = never, second = never] = knees;
    this.free = first.load;
    this.#first = first.slope;
    this.#secondAt = second.load;
    this.#second = second.slope;
    this.#many = knees.length > 2 ? knees : undefined;
  }

  /** What this load costs; bit/s. */
  cost(load: number): number {
    if (load <= this.free) return 0;
    if (this.#many !== undefined) return costAlong(this.#many, load);
    const sum = this.#first * (load - this.free);
    return load > this.#secondAt ? sum + this.#second * (load - this.#secondAt) : sum;
  }
}

function costAlong(knees: readonly Knee[], load: number): number {
  let sum = 0;
  for (const knee of knees) {
    if (load <= knee.load) break;
    sum += knee.slope * (load - knee.load);
  }
  return sum;
}
