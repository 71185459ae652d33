/** How fast migrations bring what they bring in the end, from the cluster file alone. */

import { type Cluster, external, type Migration } from '@barter/sim';

/** Share of the whole gain in network cost that the first `share` of the migrations bring. */
export function gainAfter(
  cluster: Cluster,
  migrations: readonly Migration[],
  share: number,
): number {
  const places = new Map(cluster.domains.map(({ id, host }) => [id, host as string]));
  const start = cost(cluster, places);
  const gains = migrations.map(({ domain, to }) => {
    places.set(domain, to);
    return start - cost(cluster, places);
  });
  const first = gains[Math.ceil(share * gains.length) - 1] ?? 0;
  return first / (gains.at(-1) ?? 1);
}

function cost(cluster: Cluster, places: ReadonlyMap<string, string>): number {
  const locations = new Map(cluster.hosts.map(({ id, location }) => [id as string, location]));
  let sum = 0;
  for (const { a, b, bitsPerSecond } of cluster.traffic) {
    if (a === external || b === external) continue;
    const [one = '', other = ''] = [places.get(a), places.get(b)];
    if (one === other) {
      sum += bitsPerSecond * (cluster.distance[0] ?? 0);
      continue;
    }
    const [here, there] = [locations.get(one) ?? [], locations.get(other) ?? []];
    const levels = Math.max(here.length, there.length);
    let shared = 0;
    while (shared < levels && here[shared] === there[shared]) shared += 1;
    sum += bitsPerSecond * (cluster.distance[1 + levels - shared] ?? 0);
  }
  return sum;
}
