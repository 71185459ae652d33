/**
 * Which members keep the whereabouts of a domain or an address: consistent hashing. Every member has a
 * few points on a ring of 32 bits; a key belongs to the owners of the next points clockwise.
 *
 * All members come to the same answer from the same roster without talking. When one joins or leaves, only
 * the keys next to its points change hands.
 */

import { hashText, mixed } from '../model/hash.ts';
import type { HostId } from '../model/model.ts';

/** More points even out the shares; four keep the fullest member below about twice the mean. */
const pointsPerMember = 4;
const keepersPerKey = 2;
/** A point is hash · span + member: one double, so that sorting numbers sorts the ring. */
const span = 2 ** 20;

export class Ring {
  readonly #members: readonly HostId[];
  readonly #points: Float64Array;

  constructor(members: Iterable<HostId>) {
    // In order: where two points coincide, all hosts must take the same one for the first.
    this.#members = [...new Set(members)].sort();
    this.#points = new Float64Array(this.#members.length * pointsPerMember);
    let next = 0;
    for (const [index, member] of this.#members.entries()) {
      const hash = hashText(member);
      for (let point = 0; point < pointsPerMember; point++)
        this.#points[next++] = mixed(hash + Math.imul(point, 0x9e3779b9)) * span + index;
    }
    this.#points.sort();
  }

  /** The members that keep this key, the first one first; fewer when there are fewer members. */
  keepersOf(key: string): readonly HostId[] {
    const points = this.#points;
    const keepers: HostId[] = [];
    const wanted = Math.min(keepersPerKey, this.#members.length);
    for (let at = this.#next(hashText(key)); keepers.length < wanted; at++) {
      const point = points[at % points.length] as number;
      const member = this.#members[point % span] as HostId;
      if (!keepers.includes(member)) keepers.push(member);
    }
    return keepers;
  }

  /** The first point at or after this hash; the number of points when it lies beyond the last. */
  #next(hash: number): number {
    const from = hash * span;
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#points[middle] as number) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
