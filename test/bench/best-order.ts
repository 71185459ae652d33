/**
 * In which order could the same migrations have been made? What the first half of them brings in the order that the
 * engine took is compared with what orders bring that somebody would choose who knew everything beforehand.
 */

import type { Migration } from '@barter/sim';
import type { World } from '../../packages/core/src/model/cost.ts';
import { type Move, Placement } from './rivals/placement.ts';

/** Shares of the whole gain that half of the moves bring; see {@link halfGains}. */
export type HalfGains = Readonly<{ taken: number; planner: number; best: number }>;

/**
 * `taken`: in the order in which they were made. `planner`: a central planner makes the move that gains most at once and has
 * room, again and again. `best`: the best half found when room does not count at all: from all moves made, what loses
 * least is taken back until half are left, and then exchanged for others as long as that gains. Of each domain's migrations
 * only the places at the beginning and the end count. `distances` as a placement has them.
 */
export function halfGains(
  world: World,
  distances: readonly number[],
  migrations: readonly Pick<Migration, 'domain' | 'from' | 'to'>[],
): HalfGains {
  const start = () => new Placement(world, distances);
  const made = numbered(world, migrations);
  const moves = [...firstToLast(made).values()];
  const half = Math.ceil(made.length / 2);
  const whole = gainOf(start(), made);
  return {
    taken: gainOf(start(), made.slice(0, half)) / whole,
    planner: planned(start(), moves, half) / whole,
    best: bestHalf(start(), moves, half) / whole,
  };
}

function numbered(
  world: World,
  migrations: readonly Pick<Migration, 'domain' | 'from' | 'to'>[],
): readonly Move[] {
  const domains = new Map<string, number>(world.domains.map(({ domain }, n) => [domain, n]));
  const hosts = new Map<string, number>(world.hosts.map(({ host }, n) => [host, n]));
  return migrations.map(({ domain, from, to }) => ({
    domain: domains.get(domain) ?? -1,
    from: hosts.get(from) ?? -1,
    to: hosts.get(to) ?? -1,
  }));
}

function firstToLast(made: readonly Move[]): ReadonlyMap<number, Move> {
  const moves = new Map<number, Move>();
  for (const { domain, from, to } of made)
    moves.set(domain, { domain, from: moves.get(domain)?.from ?? from, to });
  return moves;
}

/** Carries the move out; says by how much the cost falls. */
function carryOut(placement: Placement, domain: number, to: number): number {
  const gain = placement.moveGain(domain, to);
  placement.move(domain, to);
  return gain;
}

function gainOf(placement: Placement, moves: readonly Move[]): number {
  return moves.reduce((sum, { domain, to }) => sum + carryOut(placement, domain, to), 0);
}

function planned(placement: Placement, moves: readonly Move[], count: number): number {
  const left = new Set(moves);
  let gain = 0;
  while (moves.length - left.size < count) {
    const next = highest(left, ({ domain, to }) =>
      placement.fits(domain, to) ? placement.moveGain(domain, to) : -Infinity,
    );
    if (next === undefined) break;
    gain += carryOut(placement, next.domain, next.to);
    left.delete(next);
  }
  return gain;
}

function bestHalf(placement: Placement, moves: readonly Move[], count: number): number {
  let gain = gainOf(placement, moves);
  const made = new Set(moves);
  const undo = (): Move => {
    const least = highest(made, ({ domain, from }) => placement.moveGain(domain, from)) as Move;
    gain += carryOut(placement, least.domain, least.from);
    made.delete(least);
    return least;
  };
  while (made.size > count) undo();
  for (;;) {
    const before = gain;
    const undone = undo();
    const others = moves.filter((move) => !made.has(move));
    const next = highest(others, ({ domain, to }) => placement.moveGain(domain, to)) as Move;
    gain += carryOut(placement, next.domain, next.to);
    made.add(next);
    if (next === undone || gain <= before) return Math.max(gain, before);
  }
}

/** The one with the highest value; undefined when none has more than -Infinity. */
function highest<T>(items: Iterable<T>, value: (item: T) => number): T | undefined {
  let best: T | undefined;
  let most = -Infinity;
  for (const item of items) {
    const its = value(item);
    if (its > most) [best, most] = [item, its];
  }
  return best;
}
