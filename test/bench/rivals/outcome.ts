/** What every algorithm of the benchmark answers with, so that all are read by the same ruler. */

import type { Placement, Step } from './placement.ts';

/** The state after some rounds: what was sent until then, and the cost in bit/s. */
export type TracePoint = Readonly<{ round: number; messages: number; cost: number }>;

export type Outcome = Readonly<{
  /** What was carried out, in order, from the start of the world. */
  steps: readonly Step[];
  /** Empty where an algorithm has no rounds and sends nothing: a central one. */
  trace: readonly TracePoint[];
}>;

/** Takes down the trace of an algorithm that works on a placement. */
export class Trace {
  readonly points: TracePoint[] = [];
  messages = 0;
  readonly #placement: Placement;

  constructor(placement: Placement) {
    this.#placement = placement;
    this.note(0);
  }

  note(round: number): void {
    this.points.push({ round, messages: this.messages, cost: this.#placement.cost() });
  }

  outcome(): Outcome {
    return { steps: this.#placement.steps, trace: this.points };
  }
}

/** The first point at which 95 % of the whole gain was there; none without a gain. */
export function atMostOfGain(trace: readonly TracePoint[], share = 0.95): TracePoint | undefined {
  const [first, last] = [trace[0], trace.at(-1)];
  if (!first || !last || last.cost >= first.cost) return undefined;
  const aim = first.cost - share * (first.cost - last.cost);
  // From the end, so that an annealing that passes by is not taken for one that has arrived.
  const before = trace.findLastIndex(({ cost }) => cost > aim);
  return trace[before + 1];
}

/** How many distinct hosts, other than its own, a domain's partners are on. */
export function partnerHosts(placement: Placement, domain: number): ReadonlySet<number> {
  const hosts = new Set<number>();
  for (const [partner] of placement.neighbours[domain] ?? []) hosts.add(placement.at(partner));
  hosts.delete(placement.at(domain));
  return hosts;
}
