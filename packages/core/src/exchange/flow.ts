/**
 * The best division of claims between two hosts when only network and displacement cost count: a minimum cut.
 *
 * Who ends with which claim is a labelling of the claims with two sides. What each claim costs on its side
 * and what each pair costs that is apart is a sum that a minimum cut minimises exactly (Greig, Porteous and
 * Seheult 1989). Room and rules are left aside, so the result is a bound of what an exchange can gain.
 */

import type { Edges } from './links.ts';
import type { Side } from './side.ts';

/** bit/s: less is what is left of rounding. */
const tiny = 1e-3;
/** Edges walked for one cut, at most: a millisecond or two for the largest books. */
const edgesMax = 400_000;
const root = -1;
const unseen = -2;

/**
 * Claims that would rather be on side 0 have an excess, those that would rather be on side 1 a lack; what
 * can flow from the ones to the others along their traffic is what the best division still costs. By shortest
 * augmenting paths (Edmonds and Karp 1972): there are few claims, and paths are short.
 *
 * Fill in `excess` and `capacity`, then ask for the flow, which uses them up; fill in again for the next cut.
 */
export class FlowNetwork {
  /** By how much a claim would rather be on side 0 than on side 1; ±Infinity where it cannot move. */
  readonly excess: Float64Array;
  /** What each edge costs when its ends are apart; the same both ways. */
  readonly capacity: Float64Array;
  readonly #firstEdge: Uint32Array;
  readonly #edgeTo: Uint32Array;
  readonly #back: Uint32Array;
  readonly #via: Int32Array;
  readonly #queue: Int32Array;
  #looked = 0;
  /** Whether the last flow was the largest there is, and not just what could be found in time. */
  complete = true;

  constructor({ firstEdge, edgeTo }: Pick<Edges, 'firstEdge' | 'edgeTo'>) {
    const count = firstEdge.length - 1;
    this.excess = new Float64Array(count);
    this.capacity = new Float64Array(edgeTo.length);
    this.#firstEdge = firstEdge;
    this.#edgeTo = edgeTo;
    this.#back = backEdges(firstEdge, edgeTo);
    this.#via = new Int32Array(count);
    this.#queue = new Int32Array(count);
  }

  /** What flows; where there is more to it than is worth looking at, less than would flow. */
  maximumFlow(): number {
    let flow = 0;
    this.#looked = 0;
    let end = this.#search();
    for (; end >= 0 && this.#looked <= edgesMax; end = this.#search()) flow += this.#augment(end);
    this.complete = end < 0;
    return flow;
  }

  /** After a complete flow: the side on which the claim is best, together with all others. */
  sideOf(claim: number): Side {
    return this.#via[claim] === unseen ? 1 : 0;
  }

  /** Walks from all claims with an excess; answers with the first one met that lacks, or -1. */
  #search(): number {
    const { excess, capacity } = this;
    const [via, queue, firstEdge] = [this.#via, this.#queue, this.#firstEdge];
    let tail = 0;
    for (let i = 0; i < excess.length; i++) {
      const starts = (excess[i] as number) > tiny;
      via[i] = starts ? root : unseen;
      if (starts) queue[tail++] = i;
    }
    for (let head = 0; head < tail; head++) {
      const i = queue[head] as number;
      const end = firstEdge[i + 1] as number;
      this.#looked += end - (firstEdge[i] as number);
      for (let e = firstEdge[i] as number; e < end; e++) {
        const to = this.#edgeTo[e] as number;
        if (via[to] !== unseen || (capacity[e] as number) <= tiny) continue;
        via[to] = e;
        if ((excess[to] as number) < -tiny) return to;
        queue[tail++] = to;
      }
    }
    return -1;
  }

  #augment(end: number): number {
    const { excess, capacity } = this;
    let amount = -(excess[end] as number);
    let start = end;
    for (let e = this.#via[start] as number; e >= 0; e = this.#via[start] as number) {
      amount = Math.min(amount, capacity[e] as number);
      start = this.#edgeTo[this.#back[e] as number] as number;
    }
    amount = Math.min(amount, excess[start] as number);
    for (let at = end, e = this.#via[at] as number; e >= 0; e = this.#via[at] as number) {
      const back = this.#back[e] as number;
      capacity[e] = (capacity[e] as number) - amount;
      capacity[back] = (capacity[back] as number) + amount;
      at = this.#edgeTo[back] as number;
    }
    excess[start] = (excess[start] as number) - amount;
    excess[end] = (excess[end] as number) + amount;
    return amount;
  }
}

/** The number of each edge's other direction. */
function backEdges(firstEdge: Uint32Array, edgeTo: Uint32Array): Uint32Array {
  const count = firstEdge.length - 1;
  const back = new Uint32Array(edgeTo.length);
  const first = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    for (let e = firstEdge[i] as number; e < (firstEdge[i + 1] as number); e++) {
      const to = edgeTo[e] as number;
      const other = first.get(to * count + i);
      if (other === undefined) first.set(i * count + to, e);
      else {
        back[e] = other;
        back[other] = e;
      }
    }
  }
  return back;
}
