/**
 * Whether an exchange of two full hosts can be carried out at all: one of the two needs room for what comes before anything
 * has left. Agreed on all the same, such a swap waits for room until it is given up, and until then it keeps both from
 * what a third host could do for them. What a host holds on paper counts as what runs there.
 *
 * A claim away from its home is another matter: it comes from a third host, whose part in it the books do not tell. Unless
 * both hosts are above their limits: neither may hold more afterwards, so they can only change places.
 */

import type { Book, HostCapacity, HostLoad, Offer } from '../model/model.ts';
import { type BySide, otherSide, type Side } from './side.ts';

/** Of a board (`board.ts`): which side holds each offer, what it takes, and what each host holds and has. */
type Room = Readonly<{
  side: Uint8Array;
  memoryBytes: Float64Array;
  vcpus: Float64Array;
  load: BySide<HostLoad>;
  capacity: BySide<HostCapacity>;
}>;

/** Whether neither host has room for just anything that the other one offers: only then a swap may not be able to begin. */
export function isTight(room: Room): boolean {
  const open: [boolean, boolean] = [true, true];
  for (let i = 0; i < room.side.length; i++) {
    const to = otherSide(room.side[i] === 0 ? 0 : 1);
    open[to] &&= fits(room, i, to);
  }
  return !open[0] && !open[1];
}

/** Whether neither host has room for anything that the other one offers. */
export function areBothFull(one: Book, other: Book): boolean {
  return hasNoRoom(one, other) && hasNoRoom(other, one);
}

function hasNoRoom({ load, capacity }: Book, { offers }: Book): boolean {
  return offers.every(
    ({ traits }) =>
      load.memoryBytes + traits.memoryBytes > capacity.memoryTransientBytes ||
      load.vcpus + traits.vcpus > capacity.vcpuLimit,
  );
}

/** `after` says which side holds each offer then. What only goes one way fits there, or breaks the limit anyway. */
export function canBegin(
  board: Room & Readonly<{ offers: readonly Offer[]; books: BySide<Book> }>,
  after: Uint8Array,
  areAbove: boolean,
): boolean {
  const { side, offers, books } = board;
  const moves: [boolean, boolean] = [false, false];
  for (let i = 0; i < after.length; i++) {
    if (after[i] === side[i]) continue;
    const from: Side = side[i] === 0 ? 0 : 1;
    moves[from] = true;
    const isAway = offers[i]?.claim.home !== books[from].host;
    if ((isAway && !areAbove) || fits(board, i, otherSide(from))) return true;
  }
  return !moves[0] || !moves[1];
}

function fits({ memoryBytes, vcpus, load, capacity }: Room, offer: number, to: Side): boolean {
  const { memoryTransientBytes, vcpuLimit } = capacity[to];
  return (
    load[to].memoryBytes + (memoryBytes[offer] ?? 0) <= memoryTransientBytes &&
    load[to].vcpus + (vcpus[offer] ?? 0) <= vcpuLimit
  );
}
