/** Small worlds for tests: whole placements, and the books that their hosts would write. */

import type { CostParameters, World, WorldDomain, WorldHost } from '../../src/model/cost.ts';
import { hostLoads } from '../../src/model/cost.ts';
import type {
  Book,
  DomainId,
  DomainTraits,
  Exchange,
  HostCapacity,
  HostId,
  LoadSummary,
  Location,
  Offer,
  Policy,
} from '../../src/model/model.ts';

/** Nothing is too much. */
const NONE = { weightBitsPerSecond: 0, hinges: [] };

/** Traffic and displacement, and nothing else. */
export const AFFINITY: CostParameters = {
  distance: [0, 1, 3, 5],
  affinityWeight: 1,
  nic: NONE,
  cpu: NONE,
  memory: NONE,
  paybackMs: 3_600_000,
};

export const GIB = 2 ** 30;

export function hostId(id: string): HostId {
  return id as HostId;
}

export function domainId(id: string): DomainId {
  return id as DomainId;
}

export function capacity(changes: Partial<HostCapacity> = {}): HostCapacity {
  return {
    memoryBytes: 64 * GIB,
    vcpus: 16,
    nicBitsPerSecond: 1e9,
    memoryLimitBytes: 64 * GIB,
    vcpuLimit: 64,
    memoryTransientBytes: 64 * GIB,
    ...changes,
  };
}

export function host(
  id: string,
  location: Location = [],
  limits: Partial<HostCapacity> = {},
): WorldHost {
  return { host: hostId(id), location, capacity: capacity(limits), cpu: 0, memoryBytes: 0 };
}

export function traits(changes: Partial<DomainTraits> = {}): DomainTraits {
  return {
    name: 'vm',
    memoryBytes: 2 * GIB,
    vcpus: 1,
    cpu: 0.1,
    dirtyBytesPerSecond: 0,
    migrationBytes: 0,
    policy: {},
    ...changes,
  };
}

/** What a host tells of itself that has nothing and trades. */
export function summaryOf(id: string, changes: Partial<LoadSummary> = {}): LoadSummary {
  return {
    host: hostId(id),
    name: `the host ${id}`,
    sequence: 1,
    location: ['pod0'],
    mode: 'auto',
    stopped: false,
    capacity: capacity(),
    load: { memoryBytes: 0, vcpus: 0, cpu: 0, nicBitsPerSecond: 0 },
    measured: true,
    domains: 0,
    revision: 0,
    tradedMsAgo: 0,
    ...changes,
  };
}

export type TestDomain = Omit<WorldDomain, 'traits'> & Readonly<{ traits: DomainTraits }>;
export type TestWorld = Omit<World, 'domains'> & Readonly<{ domains: readonly TestDomain[] }>;

/** A domain at home; `holder` and `home` differ when it is away. */
export function domain(
  id: string,
  holder: string,
  changes: Partial<DomainTraits> & { home?: string } = {},
): TestDomain {
  const { home = holder, ...rest } = changes;
  return {
    domain: domainId(id),
    home: hostId(home),
    holder: hostId(holder),
    traits: traits({ name: id, ...rest }),
  };
}

export function rate(a: string, b: string, bitsPerSecond: number): World['rates'][number] {
  return { a: domainId(a), b: b === 'external' ? b : domainId(b), bitsPerSecond };
}

/** The book that a host of this world would write; `held` names domains that it does not offer. */
export function bookOf(world: TestWorld, id: string, held: ReadonlySet<string> = new Set()): Book {
  const self = world.hosts.find((h) => h.host === id);
  const load = hostLoads(world).get(hostId(id));
  if (!self || !load) throw new Error(`no host ${id} in this world`);
  const own = world.domains.filter((d) => d.holder === id);
  const offers: Offer[] = own
    .filter((d) => !held.has(d.domain))
    .map((d) => ({
      claim: { domain: d.domain, home: d.home, holder: d.holder, version: 1 },
      traits: d.traits,
      row: rowOf(world, d.domain),
    }));
  const named = new Set(offers.flatMap((offer) => offer.row.map((r) => r.partner)));
  const fixed = own.filter((d) => held.has(d.domain)).map((d) => d.traits.policy);
  const groups = (kind: 'keepApart' | 'keepTogether'): string[] =>
    fixed.flatMap((policy: Policy) => policy[kind] ?? []);
  return {
    host: self.host,
    name: id,
    location: self.location,
    capacity: self.capacity,
    load,
    offers,
    fixed: { keepApart: groups('keepApart'), keepTogether: groups('keepTogether') },
    partners: world.domains
      .filter((d) => named.has(d.domain))
      .map((d) => ({
        domain: d.domain,
        holder: d.holder,
        location: world.hosts.find((h) => h.host === d.holder)?.location ?? [],
        version: 1,
      })),
  };
}

function rowOf(world: World, domain: DomainId): Offer['row'] {
  const row = new Map<DomainId | 'external', number>();
  for (const { a, b, bitsPerSecond } of world.rates) {
    const partner = a === domain ? b : b === domain ? a : undefined;
    if (partner !== undefined) row.set(partner, (row.get(partner) ?? 0) + bitsPerSecond);
  }
  return [...row].map(([partner, bitsPerSecond]) => ({ partner, bitsPerSecond }));
}

/** The world after an exchange between two of its hosts. */
export function after(
  world: TestWorld,
  proposer: string,
  responder: string,
  exchange: Exchange,
): TestWorld {
  const give = new Set(exchange.give);
  const take = new Set(exchange.take);
  return {
    ...world,
    domains: world.domains.map((d) => {
      if (give.has(d.domain)) return { ...d, holder: hostId(responder) };
      if (take.has(d.domain)) return { ...d, holder: hostId(proposer) };
      return d;
    }),
  };
}

/** `count` silent VMs of 4 GiB on this host. */
function equalVms(on: string, count: number): TestDomain[] {
  return Array.from({ length: count }, (_, n) => domain(`${on}${n}`, on, { memoryBytes: 4 * GIB }));
}

/** Two hosts of 64 GiB, `a` with so many of them and `b` with so many. */
export function equalVmsOnTwo(onA: number, onB: number): TestWorld {
  return {
    hosts: [host('a'), host('b')],
    domains: [...equalVms('a', onA), ...equalVms('b', onB)],
    rates: [],
  };
}
