/** How a load has behaved over the time for which it has to last. */

import type { DomainSample } from '../model/model.ts';

/**
 * One end of the range of a load during the window: pairs of (slice of time, value), oldest first. The
 * first one is the extreme of the window, every later one the extreme of what came after the one before
 * it: the usual monotonic queue.
 */
export type Extremes = number[];

export type Range = Readonly<{ least: Extremes; most: Extremes }>;

export type Steadiness = Readonly<{
  /** Not judged before this: early measurements are rough. */
  sinceMs: number;
  cpu: Range;
  /** By address of the other endpoint. */
  rates: Map<string, Range>;
}> & {
  /** What was taken in last, and in which slice: the same once more says nothing new. */
  last: Readonly<{ rates: DomainSample['rates']; cpu: number; slice: number }> | undefined;
  /** Counts up whenever what has lasted of a rate may be something else: what follows from that is worked out anew. */
  changes: number;
};
