/** One seeded cluster of the benchmark: size, fill, traffic and start in, the world to place out. */

import type { World } from '../../packages/core/src/model/cost.ts';
import { type Cluster, parseCluster } from '../../packages/sim/src/index.ts';
import { makeCluster } from './cluster.ts';
import { type TrafficShape, withTraffic } from './traffic.ts';

/** `random`: wherever there is room. `round-robin`: one after the other, tenant by tenant. */
export const STARTS = ['random', 'round-robin'] as const;
export type Start = (typeof STARTS)[number];

export type Instance = Readonly<{
  hosts: number;
  /** Share of the memory in use, in percent. */
  fill: number;
  shape: TrafficShape;
  start: Start;
  seed: number;
}>;

/** Same host, same rack, same pod, elsewhere. */
export const distanceTable = [0, 1, 3, 5] as const;

/** Room for 16 domains of 2 GiB on every host, or for so many. */
export function makeInstance({ hosts, fill, shape, start, seed }: Instance, slots = 16): World {
  const [pods, racksPerPod, hostsPerRack] = layout(hosts);
  const world = makeCluster({
    seed,
    pods,
    racksPerPod,
    hostsPerRack,
    slots,
    fill: fill / 100,
    sizes: 'equal',
  });
  const talking = withTraffic(world, shape, seed);
  return start === 'random' ? talking : roundRobin(talking);
}

/** Pods, racks in each, hosts in each: racks of four hosts, and one rack where there are fewer than twelve. */
function layout(hosts: number): readonly [number, number, number] {
  if (hosts < 12) return [1, 1, hosts];
  const racks = hosts / 4;
  if (!Number.isInteger(racks)) throw new Error(`${hosts} hosts do not make racks of four`);
  const pods = [8, 4, 2].find((n) => racks % n === 0 && racks / n >= n / 2) ?? 1;
  return [pods, racks / pods, 4];
}

function roundRobin(world: World): World {
  // Traffic is listed tenant by tenant.
  const order = new Set<string>(world.rates.map(({ a }) => a));
  for (const { domain } of world.domains) order.add(domain);
  const turn = new Map([...order].map((domain, n) => [domain, n]));
  const domains = world.domains.map((d) => {
    const host = world.hosts[(turn.get(d.domain) ?? 0) % world.hosts.length]?.host ?? d.holder;
    return { ...d, home: host, holder: host };
  });
  return { ...world, domains };
}

/** The same as a cluster file, which is what the simulator reads. */
export function clusterOf(world: World): Cluster {
  const parsed = parseCluster({
    version: 1,
    distance: distanceTable,
    hosts: world.hosts.map(({ host, location, capacity }) => ({
      id: host,
      location,
      memoryBytes: capacity.memoryBytes,
      memoryLimitBytes: capacity.memoryLimitBytes,
      vcpus: capacity.vcpus,
      vcpuLimit: capacity.vcpuLimit,
      nicBitsPerSecond: capacity.nicBitsPerSecond,
    })),
    domains: world.domains.map(({ domain, home, traits }) => ({
      id: domain,
      host: home,
      memoryBytes: traits.memoryBytes,
      vcpus: traits.vcpus,
      cpu: traits.cpu,
      dirtyBytesPerSecond: 1e6,
    })),
    traffic: world.rates,
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
