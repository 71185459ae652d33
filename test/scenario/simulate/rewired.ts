/** Tenants that talk among themselves only, and some of them rewired later: their VMs change tenants. */

import { type Cluster, parseCluster, SimRandom } from '@barter/sim';

const GiB = 2 ** 30;

export type Rewired = Readonly<{ cluster: Cluster; affected: ReadonlySet<string> }>;

/**
 * `hosts` with room for sixteen VMs each, filled to so many percent; tenants of four; a twentieth of the tenants is taken apart at
 * `atSeconds` and put together again from each other's VMs.
 */
export function rewiredCluster(
  hosts: number,
  fill: number,
  atSeconds: number,
  seed: number,
): Rewired {
  const random = new SimRandom(seed, 7);
  const count = Math.floor((hosts * 16 * fill) / 400) * 4;
  const names = Array.from({ length: count }, (_, index) => `vm${index}`);
  const tenants = Array.from({ length: count / 4 }, (_, tenant) =>
    names.slice(4 * tenant, 4 * tenant + 4),
  );
  // Two at least: one alone has nobody to exchange VMs with.
  const chosen = tenants.slice(0, Math.max(2, Math.round(tenants.length / 20)));
  const mixed = chosen.map((_, tenant) =>
    [0, 1, 2, 3].map((place) => chosen[(tenant + place) % chosen.length]?.[place] ?? ''),
  );
  const rate = () => Math.round(1e6 * Math.exp(3 + 2 * random.next()));
  const links = (members: readonly string[]) =>
    members.flatMap((a, index) =>
      members.slice(index + 1).map((b) => ({ a, b, bitsPerSecond: rate() })),
    );
  const before = chosen.flatMap(links);
  const after = mixed.flatMap(links);
  const room = Array.from({ length: hosts }, () => 16);
  const seat = (): number => {
    for (;;) {
      const host = random.below(hosts);
      if ((room[host] ?? 0) > 0) {
        room[host] = (room[host] ?? 0) - 1;
        return host;
      }
    }
  };
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1, 3],
    hosts: Array.from({ length: hosts }, (_, index) => ({
      id: `h${index}`,
      memoryBytes: 32 * GiB,
      vcpus: 32,
      nicBitsPerSecond: 1e10,
      location: [`rack${Math.floor(index / 4)}`],
    })),
    domains: names.map((id) => ({
      id,
      host: `h${seat()}`,
      memoryBytes: 2 * GiB,
      vcpus: 1,
      cpu: 0.2,
      dirtyBytesPerSecond: 1e6,
    })),
    traffic: tenants
      .flatMap((members, tenant) => (tenant < chosen.length ? [] : links(members)))
      .concat(before),
    timeline: [
      {
        atSeconds,
        traffic: [...before.map((pair) => ({ ...pair, bitsPerSecond: 0 })), ...after],
      },
    ],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return { cluster: parsed.value, affected: new Set(chosen.flat()) };
}
