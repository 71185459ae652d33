/**
 * The best bundle that two-way refinement finds (Kernighan–Lin with Fiduccia–Mattheyses gains): any
 * number of claims each way.
 *
 * A climb moves one claim, its seed, and grows a bundle from it: next is always the claim whose move,
 * with all before it made, costs least, out of those that talk to the bundle or gain by themselves. When
 * the receiving host is overfull, the claims whose loss is least go the other way. A climb passes through
 * exchanges that lose, or do not fit; what it keeps is the best point on its way that is allowed. Every
 * climb starts where the last one that paid has ended, until no seed pays any more. All of that is done
 * from several starts, and the best exchange wins.
 */

import type { Board } from './board.ts';
import { idealDivision } from './bound.ts';
import { bestSwap, type Candidate } from './pairwise.ts';
import { Position } from './position.ts';
import type { Side } from './side.ts';

/** After this many moves without a better point, a climb is over. */
const PATIENCE = 16;
/** Work allowed for one search, in gains looked at: bounds the time for the largest books. */
const GAINS_MAX = 600_000;

/** Where refinement starts: which claims change sides before the first climb. */
type Start = (offer: number, side: Side) => boolean;

/**
 * The best bundle found within all limits; `undefined` when nothing can gain so much. Refinement starts from
 * things as they are, and from the ideal division of the claims: exchanges that
 * lose by every single step on the way, such as two hosts that have each other's place, are found from there.
 */
export function bestBundle(board: Board, minGainBitsPerSecond: number): Candidate | undefined {
  const budget = { gains: GAINS_MAX };
  const ideal = idealDivision(board, new Position(board));
  const most = ideal.mostBitsPerSecond;
  if (most < minGainBitsPerSecond) return undefined;
  const starts: readonly Start[] = [() => false, (offer, side) => ideal.sideOf(offer) !== side];
  let best = bestSwap(board);
  for (const moves of starts) {
    // Nothing that is worth the name is left to be found.
    if (budget.gains <= 0 || (best !== undefined && best.gain >= most - 64)) break;
    const climber = new Climber(board, budget);
    climber.refine(moves);
    const found = climber.result();
    if (found && found.gain > (best?.gain ?? 0)) best = found;
  }
  return best;
}

class Climber {
  readonly #board: Board;
  readonly #position: Position;
  /** 1 where an offer may move and has not in this climb. */
  readonly #free: Uint8Array;
  /** 1 where an offer talks to one that has moved in this climb. */
  readonly #linked: Uint8Array;
  /** 1 where a climb from this seed failed and nothing it talks to has moved since. */
  readonly #stale: Uint8Array;
  readonly #budget: { gains: number };

  constructor(board: Board, budget: { gains: number }) {
    this.#budget = budget;
    this.#board = board;
    this.#position = new Position(board);
    this.#free = new Uint8Array(board.movable);
    this.#linked = new Uint8Array(board.offers.length);
    this.#stale = new Uint8Array(board.offers.length);
  }

  exhausted(): boolean {
    return this.#budget.gains <= 0;
  }

  /** Moves the claims that the start says, then climbs from everywhere until nothing pays any more. */
  refine(moves: Start): void {
    const position = this.#position;
    for (let i = 0; i < this.#free.length; i++)
      if (this.#free[i] === 1 && moves(i, position.sideOf(i))) position.move(i);
    while (!this.exhausted() && this.climb(undefined));
    for (let improved = true; improved && !this.exhausted(); ) {
      improved = false;
      for (const seed of this.seeds()) {
        if (this.exhausted()) break;
        if (this.climb(seed)) improved = true;
      }
    }
  }

  /**
   * The claims to grow a bundle from, those first whose own move gains most. When no host has a load
   * to be relieved of, every exchange that gains has a claim in it which something pulls over, so
   * the others need not be tried.
   */
  seeds(): number[] {
    const position = this.#position;
    const all = position.hosts > 0;
    const seeds: number[] = [];
    for (let i = 0; i < this.#stale.length; i++) {
      if (this.#board.movable[i] === 0 || this.#stale[i] === 1) continue;
      if (all || this.#pull(i) > 0) seeds.push(i);
    }
    const gains = new Map(seeds.map((i) => [i, position.gain(i)]));
    return seeds.sort((a, b) => (gains.get(b) ?? 0) - (gains.get(a) ?? 0));
  }

  result(): Candidate | undefined {
    const { side } = this.#position;
    if (!this.#position.allowed()) return undefined;
    const moves = [...side.keys()].filter((i) => side[i] !== this.#board.side[i]);
    const gain = new Position(this.#board).cost() - this.#position.cost();
    return moves.length > 0 ? { moves, gain } : undefined;
  }

  /** One climb from the present position; it stays at the best point if that is better. */
  climb(seed: number | undefined): boolean {
    const position = this.#position;
    const trail: number[] = [];
    let gain = 0;
    // From a start that is not allowed, any point that is will do.
    let best = position.allowed() ? 0 : Number.NEGATIVE_INFINITY;
    let kept = 0;
    for (let next = seed ?? this.#next(false); next >= 0; next = this.#next(seed !== undefined)) {
      gain += position.gain(next);
      position.move(next);
      this.#take(next);
      trail.push(next);
      if (gain > atLeast(best) && position.allowed()) {
        best = gain;
        kept = trail.length;
      }
      if (trail.length - kept >= PATIENCE) break;
    }
    for (const [n, offer] of trail.entries()) {
      this.#free[offer] = 1;
      if (n < kept) this.#stir(offer);
    }
    while (trail.length > kept) position.move(trail.pop() as number);
    this.#linked.fill(0);
    if (kept === 0 && seed !== undefined) this.#stale[seed] = 1;
    return kept > 0;
  }

  #take(offer: number): void {
    const { firstEdge, edgeTo } = this.#board;
    this.#free[offer] = 0;
    const end = firstEdge[offer + 1] as number;
    for (let e = firstEdge[offer] as number; e < end; e++) this.#linked[edgeTo[e] as number] = 1;
  }

  /** A claim has moved for good: what talks to it is worth trying again. */
  #stir(offer: number): void {
    const { firstEdge, edgeTo } = this.#board;
    this.#stale[offer] = 0;
    const end = firstEdge[offer + 1] as number;
    for (let e = firstEdge[offer] as number; e < end; e++) this.#stale[edgeTo[e] as number] = 0;
  }

  /** What a move would save if everything that holds the claim where it is came along. */
  #pull(offer: number): number {
    const { saving, side } = this.#position;
    const { firstEdge, edgeTo, edgeRate, cutCost } = this.#board;
    let near = 0;
    const end = firstEdge[offer + 1] as number;
    for (let e = firstEdge[offer] as number; e < end; e++) {
      if (side[edgeTo[e] as number] === side[offer]) near += edgeRate[e] as number;
    }
    return (saving[offer] as number) + cutCost * near;
  }

  /** The claim to move next, or -1. */
  #next(grow: boolean): number {
    const position = this.#position;
    const { side, flat } = position;
    const free = this.#free;
    const from = this.#overfull();
    const gains = position.gains(free, from);
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < free.length; i++) {
      if (free[i] === 0 || (from !== undefined && side[i] !== from)) continue;
      const gain = gains[i] as number;
      if (gain <= most) continue;
      if (grow && from === undefined && gain <= 0 && this.#linked[i] === 0) continue;
      most = gain;
      best = i;
    }
    // A gain of which the hosts' cost is a part takes several times as long to compute.
    this.#budget.gains -= flat ? free.length : 4 * free.length;
    return best;
  }

  /** The side that has to give, if just one has. */
  #overfull(): Side | undefined {
    const zero = this.#position.overfull(0);
    if (zero === this.#position.overfull(1)) return undefined;
    return zero ? 0 : 1;
  }
}

/** What beats the best point so far: a difference that is less may be rounding, and would go on for ever. */
function atLeast(best: number): number {
  return Number.isFinite(best) ? best + 0.1 + 1e-9 * Math.abs(best) : best;
}
