/**
 * In which order could the same migrations have been made? What the first half of them brings in the order that the
 * engine took is compared with what orders bring that somebody would choose who knew everything beforehand.
 */

import { type Cluster, external, type Migration } from '@barter/sim';
import { locationDistance } from '../../packages/core/src/model/distance.ts';

type Move = Readonly<{ domain: string; from: string; to: string }>;

/** Shares of the whole gain that half of the moves bring; see {@link halfGains}. */
export type HalfGains = Readonly<{ taken: number; planner: number; best: number }>;

/**
 * `taken`: in the order in which they were made. `planner`: a central planner makes the move that gains most at once and has
 * room, again and again. `best`: the best half found when room does not count at all: from all moves made, what loses
 * least is taken back until half are left, and then exchanged for others as long as that gains. Of each domain's migrations
 * only the places at the beginning and the end count.
 */
export function halfGains(cluster: Cluster, migrations: readonly Migration[]): HalfGains {
  const board = new Board(cluster);
  const moves = new Map<string, Move>();
  for (const { domain, from, to } of migrations)
    moves.set(domain, { domain, from: moves.get(domain)?.from ?? from, to });
  const half = Math.ceil(migrations.length / 2);
  const whole = board.gainOf(migrations);
  return {
    taken: board.gainOf(migrations.slice(0, half)) / whole,
    planner: planned(board, [...moves.values()], half) / whole,
    best: bestHalf(board, [...moves.values()], half) / whole,
  };
}

function planned(board: Board, moves: readonly Move[], count: number): number {
  board.restart();
  const left = new Set(moves);
  let gain = 0;
  while (moves.length - left.size < count) {
    const next = highest(left, (move) =>
      board.hasRoom(move) ? board.gain(move.domain, move.to) : -Infinity,
    );
    if (next === undefined) break;
    gain += board.move(next.domain, next.to);
    left.delete(next);
  }
  return gain;
}

function bestHalf(board: Board, moves: readonly Move[], count: number): number {
  let gain = board.gainOf(moves);
  const made = new Set(moves);
  const undo = (): Move => {
    const least = highest(made, ({ domain, from }) => board.gain(domain, from)) as Move;
    gain += board.move(least.domain, least.from);
    made.delete(least);
    return least;
  };
  while (made.size > count) undo();
  for (;;) {
    const before = gain;
    const undone = undo();
    const others = moves.filter((move) => !made.has(move));
    const next = highest(others, ({ domain, to }) => board.gain(domain, to)) as Move;
    gain += board.move(next.domain, next.to);
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

/** Where every domain is, who talks to whom, and what is free. */
class Board {
  readonly #cluster: Cluster;
  readonly #partners = new Map<string, [partner: string, bitsPerSecond: number][]>();
  readonly #locations: ReadonlyMap<string, readonly string[]>;
  readonly #bytes: ReadonlyMap<string, number>;
  #places = new Map<string, string>();
  #free = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#locations = new Map(cluster.hosts.map(({ id, location }) => [id as string, location]));
    this.#bytes = new Map(
      cluster.domains.map(({ id, memoryBytes }) => [id as string, memoryBytes]),
    );
    for (const { a, b, bitsPerSecond } of cluster.traffic) {
      if (a === external || b === external) continue;
      this.#partnersOf(a).push([b, bitsPerSecond]);
      this.#partnersOf(b).push([a, bitsPerSecond]);
    }
    this.restart();
  }

  restart(): void {
    const { hosts, domains } = this.#cluster;
    this.#places = new Map(domains.map(({ id, host }) => [id, host]));
    this.#free = new Map(hosts.map(({ id, memoryBytes }) => [id, memoryBytes]));
    for (const { id, host } of domains) this.#take(host, this.#bytesOf(id));
  }

  /** What the network cost falls by when these are made, in this order, from the start. */
  gainOf(moves: readonly Pick<Move, 'domain' | 'to'>[]): number {
    this.restart();
    return moves.reduce((sum, { domain, to }) => sum + this.move(domain, to), 0);
  }

  hasRoom({ domain, to }: Move): boolean {
    return (this.#free.get(to) ?? 0) >= this.#bytesOf(domain);
  }

  gain(domain: string, to: string): number {
    const from = this.#places.get(domain) ?? to;
    let saved = 0;
    for (const [partner, bitsPerSecond] of this.#partnersOf(domain)) {
      const at = this.#places.get(partner) ?? to;
      saved += bitsPerSecond * (this.#distance(from, at) - this.#distance(to, at));
    }
    return saved;
  }

  move(domain: string, to: string): number {
    const gain = this.gain(domain, to);
    const bytes = this.#bytesOf(domain);
    this.#take(this.#places.get(domain) ?? to, -bytes);
    this.#take(to, bytes);
    this.#places.set(domain, to);
    return gain;
  }

  #distance(one: string, other: string): number {
    const { distance } = this.#cluster;
    if (one === other) return distance[0] ?? 0;
    return locationDistance(
      distance,
      this.#locations.get(one) ?? [],
      this.#locations.get(other) ?? [],
    );
  }

  #partnersOf(domain: string): [partner: string, bitsPerSecond: number][] {
    let partners = this.#partners.get(domain);
    if (partners === undefined) {
      partners = [];
      this.#partners.set(domain, partners);
    }
    return partners;
  }

  #bytesOf(domain: string): number {
    return this.#bytes.get(domain) ?? 0;
  }

  #take(host: string, bytes: number): void {
    this.#free.set(host, (this.#free.get(host) ?? 0) - bytes);
  }
}
