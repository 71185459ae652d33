/**
 * The best one-way move, and the best of all moves and pairwise swaps: exhaustive, so exact. This is
 * the classic bartering of the literature, and what a bundle has to beat.
 */

import type { Board } from './board.ts';
import { Position } from './position.ts';
import { otherSide } from './side.ts';

/** Offers to move, and by how much the cost falls. */
export type Candidate = Readonly<{ moves: readonly number[]; gain: number }>;

/** The move that gains most within all limits; `undefined` when none gains. O(offers). */
export function bestSingle(board: Board): Candidate | undefined {
  const position = new Position(board);
  let best: Candidate | undefined;
  for (let i = 0; i < board.offers.length; i++) {
    if (board.movable[i] === 0) continue;
    const gain = position.gain(i);
    if (gain <= (best?.gain ?? 0)) continue;
    position.move(i);
    if (position.allowed()) best = { moves: [i], gain };
    position.move(i);
  }
  return best;
}

/**
 * The move or swap that gains most within all limits. O(offers²). The second gain of a pair is computed
 * with the first one moved, so the pair's own traffic counts as what it is: as far apart as before.
 */
export function bestSwap(board: Board): Candidate | undefined {
  const position = new Position(board);
  let best = bestSingle(board);
  for (let give = 0; give < board.offers.length; give++) {
    if (board.movable[give] === 0 || board.side[give] !== 0) continue;
    const first = position.gain(give);
    position.move(give);
    for (let take = 0; take < board.offers.length; take++) {
      if (board.movable[take] === 0 || board.side[take] !== otherSide(0)) continue;
      const gain = first + position.gain(take);
      if (gain <= (best?.gain ?? 0)) continue;
      position.move(take);
      if (position.allowed()) best = { moves: [give, take], gain };
      position.move(take);
    }
    position.move(give);
  }
  return best;
}
