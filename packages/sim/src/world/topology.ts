/** Distances between a simulated world's hosts, and what follows from them: the true cost and loads. */

import type { HostLoad } from '@barter/core';
import { distanceBetween } from './distance.ts';
import type { WorldDomain, WorldHost } from './ground.ts';
import type { TrafficMatrix } from './traffic-matrix.ts';

/** Distances by host, computed once for each pair of locations. */
export class Topology {
  readonly #distance: readonly number[];
  readonly #places: readonly (readonly string[])[];
  readonly #placeOf: Int32Array;
  readonly #known: Float64Array;

  constructor(distance: readonly number[], hosts: readonly WorldHost[]) {
    this.#distance = distance;
    const places = new Map<string, { index: number; location: readonly string[] }>();
    this.#placeOf = Int32Array.from(hosts, (host) => {
      const key = JSON.stringify(host.location);
      const place = places.get(key) ?? { index: places.size, location: host.location };
      places.set(key, place);
      return place.index;
    });
    this.#places = [...places.values()].map((place) => place.location);
    this.#known = new Float64Array(places.size * places.size).fill(-1);
  }

  between(left: WorldHost, right: WorldHost): number {
    if (left === right) return this.#distance[0] ?? 0;
    const [a, b] = [this.#placeOf[left.index] ?? 0, this.#placeOf[right.index] ?? 0];
    const key = a * this.#places.length + b;
    const known = this.#known[key] ?? -1;
    if (known >= 0) return known;
    const value = distanceBetween(this.#distance, this.#places[a] ?? [], this.#places[b] ?? []);
    this.#known[key] = value;
    return value;
  }
}

/** Who runs where and talks to whom. */
type Placed = Readonly<{
  hosts: readonly WorldHost[];
  domains: readonly WorldDomain[];
  traffic: TrafficMatrix;
}>;

/** Σ bitsPerSecond · distance over pairs of running domains. */
export function networkCost(world: Placed & Readonly<{ topology: Topology }>): number {
  const hostOf = hostsByDomain(world);
  let cost = 0;
  const { traffic } = world;
  for (let pair = 0; pair < traffic.size; pair++) {
    // Outside the cluster nothing is known of hosts.
    const [one, other] = traffic.ends(pair);
    const [left, right] = [hostOf[one], hostOf[other]];
    if (left === undefined || right === undefined) continue;
    cost += traffic.rate(pair) * world.topology.between(left, right);
  }
  return cost;
}

/** What one host carries now; its uplink carries only what leaves the host. */
export function hostLoad(world: Placed, host: WorldHost): HostLoad {
  const load = { memoryBytes: 0, vcpus: 0, cpu: 0, nicBitsPerSecond: 0 };
  const { traffic, domains } = world;
  for (const domain of host.running) {
    load.memoryBytes += domain.memoryBytes;
    load.vcpus += domain.vcpus;
    load.cpu += domain.cpu;
    for (const pair of traffic.pairsOf(domain.index)) {
      const other = domains[traffic.otherEnd(pair, domain.index)];
      if (other === undefined || !host.running.has(other))
        load.nicBitsPerSecond += traffic.rate(pair);
    }
  }
  return load;
}

function hostsByDomain(world: Placed): readonly (WorldHost | undefined)[] {
  const hostOf: (WorldHost | undefined)[] = new Array(world.domains.length);
  for (const host of world.hosts) {
    for (const domain of host.running) hostOf[domain.index] = host;
  }
  return hostOf;
}
