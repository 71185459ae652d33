/**
 * The policy groups that the offers of two books are in, and whether an exchange breaks their rules
 * (`keepApart`, `keepTogether`; the rules themselves are in `policy.ts`).
 */

import type { Book, Offer } from '../model/model.ts';
import { isTornApart, keepApartLimit } from '../model/policy.ts';
import type { BySide, Side } from './side.ts';

/** One kind of policy group: whose group each offer is in (-1 = none), how many each side holds, and offers of those. */
export type Groups = Readonly<{
  kind: 'keepApart' | 'keepTogether';
  names: readonly string[];
  of: Int32Array;
  held: BySide<Int32Array>;
  offered: BySide<Int32Array>;
}>;

export function layOutGroups(
  books: BySide<Book>,
  offers: readonly Offer[],
  side: Uint8Array,
  kind: Groups['kind'],
): Groups {
  const numbers = new Map<string, number>();
  const of = new Int32Array(offers.length).fill(-1);
  for (let i = 0; i < of.length; i++) {
    const group = offers[i]?.traits.policy[kind];
    if (group === undefined) continue;
    const known = numbers.get(group) ?? numbers.size;
    numbers.set(group, known);
    of[i] = known;
  }
  const offered = [new Int32Array(numbers.size), new Int32Array(numbers.size)] as const;
  for (let i = 0; i < of.length; i++) {
    const group = at(of, i);
    if (group >= 0) add(offered[side[i] === 0 ? 0 : 1], group, 1);
  }
  const held = [new Int32Array(offered[0]), new Int32Array(offered[1])] as const;
  for (const s of [0, 1] as const) {
    for (const name of books[s].fixed[kind]) {
      // A group that no offer is in cannot change.
      const group = numbers.get(name);
      if (group !== undefined) add(held[s], group, 1);
    }
  }
  return { kind, names: [...numbers.keys()], of, held, offered };
}

/** How many claims of each policy group each side holds, and in how many groups the rule is broken. */
export class GroupState {
  readonly #groups: Groups;
  readonly #held: readonly [Int32Array, Int32Array];
  readonly #apart: boolean;
  beyond = 0;

  constructor(groups: Groups) {
    this.#groups = groups;
    this.#held = [new Int32Array(groups.held[0]), new Int32Array(groups.held[1])];
    this.#apart = groups.kind === 'keepApart';
  }

  move(offer: number, from: Side, to: Side): void {
    const group = at(this.#groups.of, offer);
    if (group < 0) return;
    const was = this.#broken(group);
    add(this.#held[from], group, -1);
    add(this.#held[to], group, 1);
    this.beyond += this.#broken(group) - was;
  }

  #broken(group: number): number {
    const { held, offered } = this.#groups;
    const [zero, one] = [at(this.#held[0], group), at(this.#held[1], group)];
    const [wasZero, wasOne] = [at(held[0], group), at(held[1], group)];
    if (this.#apart) return zero > keepApartLimit(wasZero) || one > keepApartLimit(wasOne) ? 1 : 0;
    const isTorn = isTornApart(
      { before: wasZero, offered: at(offered[0], group), after: zero },
      { before: wasOne, offered: at(offered[1], group), after: one },
    );
    return isTorn ? 1 : 0;
  }
}

function at(values: Int32Array, index: number): number {
  return values[index] as number;
}

function add(values: Int32Array, index: number, amount: number): void {
  values[index] = at(values, index) + amount;
}
