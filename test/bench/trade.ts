/**
 * Paper trading over a whole cluster: hosts draw partners by what there may be to gain and carry out the
 * best exchange of their books at once, until no pair that promises anything has anything left.
 * Everybody knows everything at once here; what messages and delays cost is the simulator's to say.
 */

import {
  bestExchange,
  outlook,
  type SearchKind,
} from '../../packages/core/src/exchange/exchange.ts';
import type { CostParameters, World, WorldDomain } from '../../packages/core/src/model/cost.ts';
import { hostLoads } from '../../packages/core/src/model/cost.ts';
import type {
  Book,
  DomainId,
  HostId,
  HostLoad,
  TrafficRow,
} from '../../packages/core/src/model/model.ts';
import { seededRandom, shuffle } from './cluster.ts';

export type TradeResult = Readonly<{
  world: World;
  deals: number;
  /** Claims that changed hands, all deals together. */
  traded: number;
  searches: number;
  searchMs: number;
  rounds: number;
}>;

export function trade(
  world: World,
  cost: CostParameters,
  kind: SearchKind,
  options: Readonly<{ seed: number; minGainBitsPerSecond: number; roundsMax?: number }>,
): TradeResult {
  const random = seededRandom(options.seed);
  const floor = new Floor(world);
  const hosts = world.hosts.map((host) => host.host);
  const quiet = new Set<string>();
  const count = { deals: 0, traded: 0, searches: 0, searchMs: 0, rounds: 0 };
  for (let busy = true; busy && count.rounds < (options.roundsMax ?? 1000); count.rounds++) {
    busy = false;
    for (const proposer of shuffle(hosts, random)) {
      const book = floor.book(proposer);
      const responder = draw(
        hosts.filter((h) => h !== proposer && !quiet.has(pairKey(proposer, h))),
        weights(floor, book, cost, options.minGainBitsPerSecond),
        random,
      );
      if (responder === undefined) continue;
      busy = true;
      const startedAt = performance.now();
      const found = bestExchange(book, floor.book(responder), cost, { ...options, kind });
      count.searchMs += performance.now() - startedAt;
      count.searches++;
      if (!found) {
        quiet.add(pairKey(proposer, responder));
        continue;
      }
      count.deals++;
      count.traded += found.exchange.give.length + found.exchange.take.length;
      for (const host of floor.apply(proposer, responder, found.exchange)) {
        for (const other of hosts) quiet.delete(pairKey(host, other));
      }
    }
  }
  return { world: { ...world, domains: floor.domains() }, ...count };
}

function weights(
  floor: Floor,
  book: Book,
  cost: CostParameters,
  minGain: number,
): (host: HostId) => number {
  const potential = outlook(book, cost);
  return (host) => {
    const weight = potential(floor.book(host));
    return weight >= minGain / 2 ? weight : 0;
  };
}

function draw(
  hosts: readonly HostId[],
  weightOf: (host: HostId) => number,
  random: () => number,
): HostId | undefined {
  const weighted = hosts.map((host) => ({ host, weight: weightOf(host) }));
  let left = random() * weighted.reduce((sum, { weight }) => sum + weight, 0);
  for (const { host, weight } of weighted) {
    left -= weight;
    if (weight > 0 && left < 0) return host;
  }
  return undefined;
}

function pairKey(a: HostId, b: HostId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** Who holds what now, and the books that follow from it (kept until a deal or a partner's move outdates them). */
export class Floor {
  readonly #world: World;
  readonly #domains: Map<DomainId, WorldDomain>;
  readonly #rows = new Map<DomainId, { partner: DomainId | 'external'; bitsPerSecond: number }[]>();
  readonly #held = new Map<HostId, Set<DomainId>>();
  readonly #books = new Map<HostId, Book>();
  readonly #loads: Map<HostId, HostLoad>;

  constructor(world: World) {
    this.#world = world;
    this.#domains = new Map(world.domains.map((d) => [d.domain, d]));
    for (const host of world.hosts) this.#held.set(host.host, new Set());
    for (const d of world.domains) {
      this.#held.get(d.holder)?.add(d.domain);
      this.#rows.set(d.domain, []);
    }
    for (const { a, b, bitsPerSecond } of world.rates) {
      this.#rows.get(a)?.push({ partner: b, bitsPerSecond });
      if (b !== 'external') this.#rows.get(b)?.push({ partner: a, bitsPerSecond });
    }
    this.#loads = new Map(hostLoads(world));
  }

  domains(): WorldDomain[] {
    return [...this.#domains.values()];
  }

  book(id: HostId): Book {
    const known = this.#books.get(id);
    if (known) return known;
    const book = this.#write(id);
    this.#books.set(id, book);
    return book;
  }

  #write(id: HostId): Book {
    const host = this.#hosts().get(id);
    if (!host) throw new Error(`no host ${id}`);
    const offers = [...(this.#held.get(id) ?? [])].flatMap((domain) => {
      const d = this.#domains.get(domain);
      if (!d) return [];
      const row: TrafficRow = this.#rows.get(domain) ?? [];
      const traits = { ...d.traits, name: domain, dirtyBytesPerSecond: 0, policy: {} };
      return [{ claim: { domain, home: d.home, holder: id, version: 1 }, traits, row }];
    });
    const partners = new Map<DomainId, Book['partners'][number]>();
    for (const { row } of offers) {
      for (const { partner } of row) {
        const d = partner === 'external' ? undefined : this.#domains.get(partner);
        const location = d && this.#hosts().get(d.holder)?.location;
        if (d && location) {
          partners.set(d.domain, { domain: d.domain, holder: d.holder, location, version: 1 });
        }
      }
    }
    return {
      host: id,
      name: id,
      location: host.location,
      capacity: host.capacity,
      load: this.#load(id, host),
      offers,
      fixed: { keepApart: [], keepTogether: [] },
      partners: [...partners.values()],
    };
  }

  #load(id: HostId, host: World['hosts'][number]): HostLoad {
    const load = {
      memoryBytes: host.memoryBytes,
      vcpus: 0,
      cpu: host.cpu,
      nicBitsPerSecond: 0,
    };
    for (const domain of this.#held.get(id) ?? []) {
      const d = this.#domains.get(domain);
      if (!d) continue;
      load.memoryBytes += d.traits.memoryBytes;
      load.vcpus += d.traits.vcpus;
      load.cpu += d.traits.cpu;
      for (const { partner, bitsPerSecond } of this.#rows.get(domain) ?? []) {
        const at = partner === 'external' ? undefined : this.#domains.get(partner)?.holder;
        if (at !== id) load.nicBitsPerSecond += bitsPerSecond;
      }
    }
    this.#loads.set(id, load);
    return load;
  }

  #byId: Map<HostId, World['hosts'][number]> | undefined;
  #hosts(): Map<HostId, World['hosts'][number]> {
    this.#byId ??= new Map(this.#world.hosts.map((h) => [h.host, h]));
    return this.#byId;
  }

  /** Carries out an exchange; answers with the hosts whose prospects it changed. */
  apply(
    proposer: HostId,
    responder: HostId,
    exchange: Readonly<{ give: readonly DomainId[]; take: readonly DomainId[] }>,
  ): Set<HostId> {
    const changed = new Set([proposer, responder]);
    for (const [domains, from, to] of [
      [exchange.give, proposer, responder],
      [exchange.take, responder, proposer],
    ] as const) {
      for (const domain of domains) {
        const d = this.#domains.get(domain);
        if (!d) continue;
        this.#domains.set(domain, { ...d, holder: to });
        this.#held.get(from)?.delete(domain);
        this.#held.get(to)?.add(domain);
        for (const { partner } of this.#rows.get(domain) ?? []) {
          const at = partner === 'external' ? undefined : this.#domains.get(partner)?.holder;
          if (at) changed.add(at);
        }
      }
    }
    for (const host of changed) this.#books.delete(host);
    return changed;
  }
}
