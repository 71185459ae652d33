/**
 * The one cost that every deal must lower, term by term, in bit/s.
 *
 *   network       Σ pairs of domains  rate · distance of their holders · affinityWeight
 *   nic           Σ hosts  excess of what crosses the uplink
 *   cpu, memory   Σ hosts  excess of busy cores, of memory
 *   displacement  Σ claims away from home  8 · migrationBytes / payback
 *   hostOn        Σ hosts that hold a claim  what it costs to keep them on (consolidation)
 *   overLimit     Σ hosts  what their claims exceed the hard limits by; the same whatever the preset
 *
 * An excess is a convex, piecewise linear function of utilisation, turned into bit/s by a weight that
 * is the same for the whole cluster: two hosts that barter, and whoever adds up the whole placement,
 * come to the same numbers. Agents of one cluster must therefore run with the same parameters.
 */

import { type DistanceTable, distance, type Place } from './distance.ts';
import type { DomainId, DomainTraits, HostCapacity, HostId, HostLoad } from './model.ts';

/** The slope of the curve grows by `slope` where utilisation passes `above`. */
export type Hinge = Readonly<{ above: number; slope: number }>;

/** weightBitsPerSecond · Σ slope · max(0, utilisation − above); hinges in ascending order. */
export type ExcessCurve = Readonly<{ weightBitsPerSecond: number; hinges: readonly Hinge[] }>;

/** What a host costs for being on; both parts are needed for packing to start and to finish. */
export type HostOnCost = Readonly<{
  /** For any host that holds a claim. Saved only by whoever takes the last one. */
  onBitsPerSecond: number;
  /** Times 2m − m², m = memory ÷ limit. Concave, so moving a claim to the fuller host lowers the sum. */
  fillBitsPerSecond: number;
}>;

export type CostParameters = Readonly<{
  distance: DistanceTable;
  /** Times the network term: 1 counts traffic as it is, 0 ignores who talks to whom. */
  affinityWeight: number;
  nic: ExcessCurve;
  /** With it, NIC utilisation is load ÷ this on every host (an absolute threshold), not load ÷ speed. */
  nicReferenceBitsPerSecond?: number;
  cpu: ExcessCurve;
  memory: ExcessCurve;
  /** A migration's bytes are spread over this time: a move pays when it saves more within it. */
  paybackMs: number;
  /** Absent: hosts cost nothing for being on, and load is not aggregated. */
  hostOn?: HostOnCost;
}>;

/** The cost, or a change of it, by what causes it; bit/s. */
export type CostTerms = Readonly<{
  network: number;
  nic: number;
  cpu: number;
  memory: number;
  displacement: number;
  hostOn: number;
  overLimit: number;
}>;

export function totalCost(terms: CostTerms): number {
  const { network, nic, cpu, memory, displacement, hostOn, overLimit } = terms;
  return network + nic + cpu + memory + displacement + hostOn + overLimit;
}

/**
 * One host's excess in bit/s. A capacity of 0 means that it is not known (a virtual NIC without a
 * speed, say): then there is no telling what is too much, and nothing is.
 */
export function excess(curve: ExcessCurve, load: number, capacity: number): number {
  if (capacity <= 0) return 0;
  const utilisation = load / capacity;
  let sum = 0;
  for (const hinge of curve.hinges) {
    if (utilisation <= hinge.above) break;
    sum += hinge.slope * (utilisation - hinge.above);
  }
  return curve.weightBitsPerSecond * sum;
}

/** The terms that follow from one host's load alone; network and displacement are 0. */
export function hostCost(
  load: HostLoad,
  capacity: HostCapacity,
  parameters: CostParameters,
): CostTerms {
  const nicCapacity = parameters.nicReferenceBitsPerSecond ?? capacity.nicBitsPerSecond;
  return {
    network: 0,
    nic: excess(parameters.nic, load.nicBitsPerSecond, nicCapacity),
    cpu: excess(parameters.cpu, load.cpu, capacity.vcpus),
    memory: excess(parameters.memory, load.memoryBytes, capacity.memoryBytes),
    displacement: 0,
    hostOn: parameters.hostOn
      ? hostOnCost(parameters.hostOn, load.vcpus, load.memoryBytes, capacity.memoryLimitBytes)
      : 0,
    overLimit: overLimitCost(load, capacity),
  };
}

/**
 * A byte, a vCPU, that claims hold beyond the hard limit of their host: no deal brings that about, but a swap of
 * which one half fails does, and so does an administrator. A limit is never traded away, so what it costs to be
 * above it has to outweigh everything soft that shedding costs: a guest of a gigabyte that fills an uplink
 * of 10 Gbit/s loses 90 Gbit/s at most (distance 5, and both uplinks at twice their excess), which is nearly 100 bit/s
 * for each byte. To send a byte costs 0.002 bit/s at a payback of an hour, and 8 at the shortest that can be set (1 s),
 * so a guest far larger than the excess still pays its way. Linear and equal on all hosts: an excess that is
 * only handed on saves nothing.
 */
export const OVER_LIMIT_BITS_PER_SECOND_PER_BYTE = 100;
/** As much as a gigabyte: what such a guest of one vCPU has. */
export const OVER_LIMIT_BITS_PER_SECOND_PER_VCPU = 1e11;

/** What a host's claims cost for exceeding its limits; 0 for every host that keeps them. */
export function overLimitCost(
  { memoryBytes, vcpus }: Pick<HostLoad, 'memoryBytes' | 'vcpus'>,
  { memoryLimitBytes, vcpuLimit }: Pick<HostCapacity, 'memoryLimitBytes' | 'vcpuLimit'>,
): number {
  return (
    OVER_LIMIT_BITS_PER_SECOND_PER_BYTE * Math.max(0, memoryBytes - memoryLimitBytes) +
    OVER_LIMIT_BITS_PER_SECOND_PER_VCPU * Math.max(0, vcpus - vcpuLimit)
  );
}

/** A host is on when it holds a claim, and every claim has at least one vCPU. */
export function hostOnCost(
  cost: HostOnCost,
  vcpus: number,
  memoryBytes: number,
  memoryLimitBytes: number,
): number {
  if (vcpus <= 0) return 0;
  const fill = memoryLimitBytes > 0 ? Math.min(1, Math.max(0, memoryBytes / memoryLimitBytes)) : 1;
  return cost.onBitsPerSecond + cost.fillBitsPerSecond * (2 * fill - fill * fill);
}

/** What it costs, per second of the payback time, to hold a claim away from its home; bit/s. */
export function displacementCost(migrationBytes: number, paybackMs: number): number {
  return (8000 * migrationBytes) / paybackMs;
}

/** A complete placement, as a simulator, the command line or a test knows it. */
export type World = Readonly<{
  hosts: readonly WorldHost[];
  domains: readonly WorldDomain[];
  /** A pair listed twice adds up. `external` is everything outside the cluster. */
  rates: readonly WorldRate[];
}>;

export type WorldHost = Place &
  Readonly<{
    capacity: HostCapacity;
    /** What the host uses itself, outside any domain. */
    cpu: number;
    memoryBytes: number;
  }>;

export type WorldDomain = Readonly<{
  domain: DomainId;
  home: HostId;
  holder: HostId;
  traits: Pick<DomainTraits, 'memoryBytes' | 'vcpus' | 'cpu' | 'migrationBytes'>;
}>;

export type WorldRate = Readonly<{
  a: DomainId;
  b: DomainId | 'external';
  bitsPerSecond: number;
}>;

/** The paper load of every host: what it uses itself, its claims, and what crosses its uplink. */
export function hostLoads(world: World): ReadonlyMap<HostId, HostLoad> {
  const loads = new Map(
    world.hosts.map((host) => [
      host.host,
      { memoryBytes: host.memoryBytes, vcpus: 0, cpu: host.cpu, nicBitsPerSecond: 0 },
    ]),
  );
  const holders = new Map(world.domains.map((domain) => [domain.domain, domain.holder]));
  for (const { holder, traits } of world.domains) {
    const load = loads.get(holder);
    if (!load) continue;
    load.memoryBytes += traits.memoryBytes;
    load.vcpus += traits.vcpus;
    load.cpu += traits.cpu;
  }
  for (const { a, b, bitsPerSecond } of world.rates) {
    const hostA = holders.get(a);
    const hostB = b === 'external' ? undefined : holders.get(b);
    if (hostA === hostB) continue;
    for (const host of [hostA, hostB]) {
      const load = host === undefined ? undefined : loads.get(host);
      if (load) load.nicBitsPerSecond += bitsPerSecond;
    }
  }
  return loads;
}

/** The cost of a complete placement. `totalCost` of the result is the potential that deals lower. */
export function placementCost(world: World, parameters: CostParameters): CostTerms {
  const sum = { network: 0, nic: 0, cpu: 0, memory: 0, displacement: 0, hostOn: 0, overLimit: 0 };
  const hosts = new Map(world.hosts.map((host) => [host.host, host]));
  const places = new Map<DomainId, Place>();
  for (const { domain, home, holder, traits } of world.domains) {
    const place = hosts.get(holder);
    if (place) places.set(domain, place);
    if (holder !== home) {
      sum.displacement += displacementCost(traits.migrationBytes, parameters.paybackMs);
    }
  }
  for (const { a, b, bitsPerSecond } of world.rates) {
    const placeA = places.get(a);
    const placeB = b === 'external' ? undefined : places.get(b);
    if (!placeA || !placeB) continue;
    sum.network +=
      parameters.affinityWeight * bitsPerSecond * distance(parameters.distance, placeA, placeB);
  }
  for (const [host, load] of hostLoads(world)) {
    const capacity = hosts.get(host)?.capacity;
    if (!capacity) continue;
    const terms = hostCost(load, capacity, parameters);
    sum.nic += terms.nic;
    sum.cpu += terms.cpu;
    sum.memory += terms.memory;
    sum.hostOn += terms.hostOn;
    sum.overLimit += terms.overLimit;
  }
  return sum;
}
