/**
 * The cluster as one agent sees it, as a cluster file: every reachable member's part put together. Names
 * stand for ids where they are unique. A pair of domains is measured at both ends; the larger rate
 * counts, the other being staler. Traffic with whatever is not in the snapshot is external.
 */

import type { SnapshotView } from '../api.ts';
import type { SnapshotPart } from './snapshot-part.ts';

type Cluster = SnapshotView['cluster'];

/** Puts the parts together. A domain that two hosts claim (it is just migrating) is taken from the first. */
export function clusterOf(parts: readonly SnapshotPart[], distance: readonly number[]): Cluster {
  const hostIds = naming(parts.map(({ host }) => host));
  const seen = new Set<string>();
  const homes = parts.map(({ host, domains }) => ({
    host,
    domains: domains.filter(({ id }) => !seen.has(id) && seen.add(id)),
  }));
  const everything = homes.flatMap(({ domains }) => domains);
  const domainIds = naming(everything);
  const pinned = new Map(
    parts.flatMap(({ host }) => {
      const id = hostIds.get(host.id) ?? host.id;
      return [[host.name, id] as const, [host.id, id] as const];
    }),
  );
  return {
    version: 1,
    distance: longEnough(distance, Math.max(0, ...parts.map(({ host }) => host.location.length))),
    hosts: homes.map(({ host, domains }) => ({
      id: hostIds.get(host.id) ?? host.id,
      // What runs there has room there, whatever the limits say by now.
      memoryBytes: Math.max(host.memoryBytes, sum(domains, 'memoryBytes')),
      memoryLimitBytes: host.memoryLimitBytes,
      vcpus: host.vcpus,
      vcpuLimit: Math.max(host.vcpuLimit, sum(domains, 'vcpus')),
      nicBitsPerSecond: host.nicBitsPerSecond,
      location: host.location,
    })),
    domains: homes.flatMap(({ host, domains }) =>
      domains.map(({ id, name: _name, row: _row, policy, ...traits }) => ({
        id: domainIds.get(id) ?? id,
        host: hostIds.get(host.id) ?? host.id,
        ...traits,
        policy: {
          ...policy,
          ...(policy.pin === undefined
            ? {}
            : { pin: policy.pin.flatMap((host) => pinned.get(host) ?? []) }),
        },
      })),
    ),
    traffic: trafficOf(everything, domainIds),
    timeline: [],
  };
}

function trafficOf(
  domains: readonly SnapshotPart['domains'][number][],
  ids: ReadonlyMap<string, string>,
): Cluster['traffic'] {
  const pairs = new Map<string, { a: string; b: string; bitsPerSecond: number }>();
  const outside = new Map<string, number>();
  for (const { id, row } of domains) {
    const own = ids.get(id) ?? id;
    for (const [partner, bitsPerSecond] of row) {
      const other = ids.get(partner);
      if (other === undefined) {
        outside.set(own, (outside.get(own) ?? 0) + bitsPerSecond);
        continue;
      }
      if (other === own || bitsPerSecond <= 0) continue;
      const [a = own, b = other] = [own, other].toSorted();
      const key = JSON.stringify([a, b]);
      const known = pairs.get(key);
      if (known === undefined || known.bitsPerSecond < bitsPerSecond)
        pairs.set(key, { a, b, bitsPerSecond });
    }
  }
  const external = [...outside].map(([a, bitsPerSecond]) => ({ a, b: 'external', bitsPerSecond }));
  return [...pairs.values(), ...external.filter(({ bitsPerSecond }) => bitsPerSecond > 0)];
}

/** What each id is called: its name if nobody else has it, otherwise name and id. */
function naming(named: readonly Readonly<{ id: string; name: string }>[]): Map<string, string> {
  const count = new Map<string, number>([['external', 1]]);
  for (const { name } of named) count.set(name, (count.get(name) ?? 0) + 1);
  return new Map(
    named.map(({ id, name }) => [
      id,
      (count.get(name) ?? 0) === 1 && name !== 'external' ? name : `${name} (${id})`.slice(0, 256),
    ]),
  );
}

function sum(
  domains: readonly SnapshotPart['domains'][number][],
  key: 'memoryBytes' | 'vcpus',
): number {
  return domains.reduce((total, domain) => total + domain[key], 0);
}

/** The agent takes the last distance for every level beyond; the file says them all. */
function longEnough(distance: readonly number[], levels: number): number[] {
  const last = distance.at(-1) ?? 0;
  return Array.from(
    { length: Math.max(distance.length, levels + 2) },
    (_, i) => distance[i] ?? last,
  );
}
