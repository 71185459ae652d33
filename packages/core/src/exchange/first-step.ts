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
    open[to] &&= offerFits(room, i, to);
  }
  return !open[0] && !open[1];
}

/** Whether either host offers something, and neither has room for any of it. */
export function areBothFull(one: Book, other: Book): boolean {
  return isFullFor(one, other) && isFullFor(other, one);
}

function isFullFor({ load, capacity }: Book, { offers }: Book): boolean {
  return offers.length > 0 && !offers.some(({ traits }) => fits(traits, load, capacity));
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
    if ((isAway && !areAbove) || offerFits(board, i, otherSide(from))) return true;
  }
  return !moves[0] || !moves[1];
}

function offerFits({ memoryBytes, vcpus, load, capacity }: Room, offer: number, to: Side): boolean {
  const needs = { memoryBytes: memoryBytes[offer] ?? 0, vcpus: vcpus[offer] ?? 0 };
  return fits(needs, load[to], capacity[to]);
}

function fits(
  { memoryBytes, vcpus }: Pick<HostLoad, 'memoryBytes' | 'vcpus'>,
  load: HostLoad,
  { memoryTransientBytes, vcpuLimit }: HostCapacity,
): boolean {
  return load.memoryBytes + memoryBytes <= memoryTransientBytes && load.vcpus + vcpus <= vcpuLimit;
}
