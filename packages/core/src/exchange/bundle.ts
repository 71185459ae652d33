/**
 * The best bundle that two-way refinement finds (Kernighan–Lin with Fiduccia–Mattheyses gains): any
 * number of claims each way.
 *
 * A climb moves one claim, its seed, and grows a bundle from it: next is always the claim whose move,
 * with all before it made, costs least, out of those that talk to the bundle or gain by themselves. When
 * the receiving host is overfull, the claims whose loss is least go the other way. A climb passes through
 * exchanges that lose, or do not fit; what it keeps is the best point on its way that is allowed. Every
 * climb starts where the last one that paid has ended, until none pays any more. So the result is at
 * least as good as the best of all single moves and swaps it starts from, and no bundle grown from any
 * one claim improves it.
 */

import type { Board, Side } from './board.ts';
import { otherSide } from './board.ts';
import { bestSwap, type Candidate } from './pairwise.ts';
import { Position } from './position.ts';

/** After this many moves without a better point, a climb is over. */
const PATIENCE = 24;
/** Work allowed for one search, in gains looked at: bounds the time for the largest books. */
const GAINS_MAX = 600_000;

/** The best bundle found within all limits; `undefined` when nothing gains. */
export function bestBundle(board: Board): Candidate | undefined {
  const climber = new Climber(board);
  climber.climb([]);
  for (let improved = true; improved; ) {
    improved = false;
    for (const seed of climber.seeds()) {
      if (climber.exhausted()) break;
      if (climber.climb([seed])) improved = true;
    }
  }
  const found = climber.result();
  const swap = bestSwap(board);
  if (swap && swap.gain > (found?.gain ?? 0)) return swap;
  return found;
}

class Climber {
  readonly #board: Board;
  readonly #position: Position;
  readonly #locked: Uint8Array;
  /** Offers that talk to one that has moved in this climb. */
  readonly #linked: Uint8Array;
  #looked = 0;

  constructor(board: Board) {
    this.#board = board;
    this.#position = new Position(board);
    this.#locked = new Uint8Array(board.offers.length);
    this.#linked = new Uint8Array(board.offers.length);
  }

  exhausted(): boolean {
    return this.#looked > GAINS_MAX;
  }

  /** All claims that may move, those first whose own move gains most. */
  seeds(): number[] {
    const { movable } = this.#board;
    const gains = Float64Array.from(movable, (_, i) => this.#position.gain(i));
    this.#looked += gains.length;
    return Array.from(movable.keys())
      .filter((i) => movable[i] === 1)
      .sort((a, b) => (gains[b] ?? 0) - (gains[a] ?? 0));
  }

  result(): Candidate | undefined {
    const moves = this.#board.offers.flatMap((_, i) =>
      this.#position.side[i] === this.#board.side[i] ? [] : [i],
    );
    const gain = new Position(this.#board).cost() - this.#position.cost();
    return moves.length > 0 ? { moves, gain } : undefined;
  }

  /** One climb from the present position; it stays at the best point if that is better. */
  climb(seeds: readonly number[]): boolean {
    const position = this.#position;
    const trail: number[] = [];
    let gain = 0;
    let best = 0;
    let kept = 0;
    const go = (offer: number): void => {
      gain += position.gain(offer);
      position.move(offer);
      this.#lock(offer);
      trail.push(offer);
      if (gain > best + significant(best) && position.allowed()) {
        best = gain;
        kept = trail.length;
      }
    };
    for (const seed of seeds) go(seed);
    while (trail.length - kept < PATIENCE) {
      const next = this.#next(seeds.length > 0);
      if (next < 0) break;
      go(next);
    }
    while (trail.length > kept) position.move(trail.pop() as number);
    this.#locked.fill(0);
    this.#linked.fill(0);
    return kept > 0;
  }

  #lock(offer: number): void {
    const { firstEdge, edgeTo } = this.#board;
    this.#locked[offer] = 1;
    for (let e = firstEdge[offer] as number; e < (firstEdge[offer + 1] as number); e++) {
      this.#linked[edgeTo[e] as number] = 1;
    }
  }

  /** The claim to move next, or -1. */
  #next(grow: boolean): number {
    const full = this.#overfull();
    const from = full === undefined ? undefined : full;
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    const { movable } = this.#board;
    for (let i = 0; i < movable.length; i++) {
      if (movable[i] === 0 || this.#locked[i] === 1) continue;
      if (from !== undefined && this.#position.side[i] !== from) continue;
      this.#looked++;
      const gain = this.#position.gain(i);
      if (gain <= most) continue;
      if (grow && from === undefined && gain <= 0 && this.#linked[i] === 0) continue;
      most = gain;
      best = i;
    }
    return best;
  }

  /** The side that has to give, if just one has. */
  #overfull(): Side | undefined {
    const zero = this.#position.overfull(0);
    const one = this.#position.overfull(1);
    if (zero === one) return undefined;
    return zero ? 0 : otherSide(0);
  }
}

/** Below this, a difference is rounding. */
function significant(gain: number): number {
  return 1e-9 * Math.abs(gain) + 1e-6;
}
