/**
 * Whether an exchange of two hosts above their limits can be carried out at all. Neither may hold more
 * afterwards, so they can only change places, and for that one of the two needs room for what comes before anything
 * has left. Agreed on all the same, such a swap would keep both from what a third host could do for them.
 */

import type { Board } from './board.ts';
import { otherSide } from './side.ts';

/** `after` says which side holds each offer then. What a host holds on paper counts as what runs there. */
export function canBegin({ side, load, capacity, ...board }: Board, after: Uint8Array): boolean {
  let moves = 0;
  for (let i = 0; i < after.length; i++) {
    if (after[i] === side[i]) continue;
    moves += 1;
    const to = otherSide(side[i] === 0 ? 0 : 1);
    const { memoryTransientBytes, vcpuLimit } = capacity[to];
    const fits =
      load[to].memoryBytes + (board.memoryBytes[i] ?? 0) <= memoryTransientBytes &&
      load[to].vcpus + (board.vcpus[i] ?? 0) <= vcpuLimit;
    if (fits) return true;
  }
  return moves === 0;
}
