/**
 * In which order could the same migrations have been made? What the first half of them brings in the order that the
 * engine took is compared with what orders bring that somebody would choose who knew everything beforehand.
 */

import { type Migration, SimRandom } from '@barter/sim';
import type { World } from '../../packages/core/src/model/cost.ts';
import { type Move, Placement } from './rivals/placement.ts';

/** Shares of the whole gain that half of the moves bring; see {@link halfGains}. */
export type HalfGains = Readonly<{
  taken: number;
  planner: number;
  bestWithRoom: number;
  best: number;
}>;

/** How many exchanges are tried for each move, and how much dearer one may be at first, as a share of the whole gain. */
const triesEach = 3_000;
const dearerAtFirst = 1 / 1_000;

/**
 * `taken`: in the order in which they were made. `planner`: a central planner makes the move that gains most at once and has
 * room, again and again. `best`: the best half found when room does not count at all: from all moves made, what loses
 * least is taken back until half are left, and then exchanged for others as long as that gains. `bestWithRoom`: the best
 * half found of those after which every host has room for what it runs, whether or not it can be got there one by one:
 * from what was taken, by simulated annealing. Of each domain's migrations only the places at the beginning and the end count.
 * `distances` as a placement has them.
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
    bestWithRoom: annealed(start(), moves, made.slice(0, half), whole) / whole,
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

/** Kirkpatrick, Gelatt, Vecchi, Science 220 (1983): one move or two are exchanged at once; what is dearer is taken ever more rarely. */
function annealed(
  placement: Placement,
  moves: readonly Move[],
  taken: readonly Move[],
  whole: number,
): number {
  const random = new SimRandom(1, 17);
  const first = new Set(taken.map(({ domain }) => domain));
  const inside = moves.filter(({ domain }) => first.has(domain));
  const outside = moves.filter(({ domain }) => !first.has(domain));
  let gain = gainOf(placement, inside);
  let best = gain;
  if (outside.length === 0) return best;
  /** Done once more it takes itself back. */
  const exchange = (one: number, other: number): number => {
    const [undone, done] = [inside[one] as Move, outside[other] as Move];
    const gained =
      carryOut(placement, undone.domain, undone.from) + carryOut(placement, done.domain, done.to);
    inside[one] = done;
    outside[other] = undone;
    return gained;
  };
  const tries = triesEach * moves.length;
  for (let n = 0; n < tries; n++) {
    const places = Array.from(
      { length: 2 - random.below(2) },
      () => [random.below(inside.length), random.below(outside.length)] as const,
    );
    const gained = places.reduce((sum, [one, other]) => sum + exchange(one, other), 0);
    const touched = places.flatMap(([one, other]) => [inside[one] as Move, outside[other] as Move]);
    const holds = touched.every(({ from, to }) => placement.holds(from) && placement.holds(to));
    const warmth = dearerAtFirst * whole * (1 - n / tries) ** 3;
    if (holds && (gained >= 0 || random.next() < Math.exp(gained / warmth))) {
      gain += gained;
      best = Math.max(best, gain);
    } else for (const [one, other] of places.toReversed()) exchange(one, other);
    placement.steps.length = 0;
  }
  return best;
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
