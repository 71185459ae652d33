/**
 * Seeded clusters to measure on: tenants of truncated Pareto size that talk among themselves, a little
 * traffic across, lognormal rates, hosts in pods and racks, and a start that knows nothing of traffic.
 */

import type {
  World,
  WorldDomain,
  WorldHost,
  WorldRate,
} from '../../packages/core/src/model/cost.ts';
import type { DomainId, HostId } from '../../packages/core/src/model/model.ts';

export type ClusterShape = Readonly<{
  seed: number;
  pods: number;
  racksPerPod: number;
  hostsPerRack: number;
  /** Domains that fit on a host; the hosts are filled to this share with them. */
  slots: number;
  fill: number;
  /** `equal`: every domain 2 GiB. `mixed`: 1, 2, 4 or 8 GiB, small ones more often. */
  sizes: 'equal' | 'mixed';
}>;

/** A small, fast generator with a period long enough for benchmarks (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const GIB = 2 ** 30;
const SLOT_BYTES = 2 * GIB;

export function makeCluster(shape: ClusterShape): World {
  const random = seededRandom(shape.seed);
  const hosts = makeHosts(shape);
  const room = hosts.map(({ capacity }) => capacity.memoryLimitBytes);
  const wanted = shape.fill * shape.slots * SLOT_BYTES * hosts.length;
  const domains: WorldDomain[] = [];
  for (let used = 0; ; ) {
    const memoryBytes = shape.sizes === 'equal' ? SLOT_BYTES : mixedSize(random);
    if (used + memoryBytes > wanted) break;
    used += memoryBytes;
    const fitting = room.flatMap((bytes, h) => (bytes >= memoryBytes ? [h] : []));
    const h = fitting[Math.floor(random() * fitting.length)];
    const host = h === undefined ? undefined : hosts[h];
    if (h === undefined || !host) break;
    room[h] = (room[h] ?? 0) - memoryBytes;
    domains.push({
      domain: `vm${domains.length}` as DomainId,
      home: host.host,
      holder: host.host,
      traits: { memoryBytes, vcpus: 1, cpu: 0.2, migrationBytes: memoryBytes },
    });
  }
  return { hosts, domains, rates: makeRates(domains, random) };
}

function makeHosts(shape: ClusterShape): WorldHost[] {
  const hosts: WorldHost[] = [];
  const bytes = shape.slots * SLOT_BYTES;
  for (let pod = 0; pod < shape.pods; pod++) {
    for (let rack = 0; rack < shape.racksPerPod; rack++) {
      for (let n = 0; n < shape.hostsPerRack; n++) {
        hosts.push({
          host: `h${hosts.length}` as HostId,
          location: [`pod${pod}`, `rack${rack}`],
          capacity: {
            memoryBytes: bytes,
            vcpus: 64,
            nicBitsPerSecond: 1e10,
            memoryLimitBytes: bytes,
            vcpuLimit: 256,
            memoryTransientBytes: bytes,
          },
          cpu: 0,
          memoryBytes: 0,
        });
      }
    }
  }
  return hosts;
}

function mixedSize(random: () => number): number {
  const x = random();
  return (x < 0.4 ? 1 : x < 0.75 ? 2 : x < 0.93 ? 4 : 8) * GIB;
}

function makeRates(domains: readonly WorldDomain[], random: () => number): WorldRate[] {
  const rates: WorldRate[] = [];
  const names = shuffle(
    domains.map((d) => d.domain),
    random,
  );
  const talk = (a: DomainId | undefined, b: DomainId | undefined): void => {
    if (a && b && a !== b) rates.push({ a, b, bitsPerSecond: 1e6 * Math.exp(2 * normal(random)) });
  };
  for (let start = 0; start < names.length; ) {
    const size = Math.min(paretoSize(random), names.length - start);
    for (let i = 0; i < size; i++) {
      for (let j = i + 1; j < size; j++) {
        if (random() < Math.min(1, 6 / (size - 1))) talk(names[start + i], names[start + j]);
      }
    }
    start += size;
  }
  for (let n = 0; n < (0.3 * names.length) / 2; n++) {
    talk(names[Math.floor(random() * names.length)], names[Math.floor(random() * names.length)]);
  }
  return rates;
}

/** Pareto(1.5) truncated to [2, 64], by inversion. */
export function paretoSize(random: () => number): number {
  const [low, high, shape] = [2, 64, 1.5];
  const u = random() * (1 - (low / high) ** shape);
  return Math.min(high, Math.floor(low * (1 - u) ** (-1 / shape)));
}

/** Standard normal, Box–Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export function shuffle<Item>(items: readonly Item[], random: () => number): Item[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [shuffled[i] as Item, shuffled[j] as Item];
    shuffled[i] = b;
    shuffled[j] = a;
  }
  return shuffled;
}
