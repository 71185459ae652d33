/** Small clusters for the scenarios, by what is special about them. */

import { type Cluster, parseCluster } from '@barter/sim';

const GiB = 1024 ** 3;
export const guestBytes = 2 * GiB;

export type Pairing = Readonly<{ a: string; b: string; bitsPerSecond: number }>;

/**
 * `perHost` domains of 2 GiB on each host, named `vm0`, `vm1`, … in the order of the hosts; `room` is how
 * many of them a host's memory has room for.
 */
export function cluster(
  shape: Readonly<{
    hosts: number;
    perHost: number;
    room: number;
    traffic: readonly Pairing[];
    location?: (host: number) => readonly string[];
  }>,
): Cluster {
  const result = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: Array.from({ length: shape.hosts }, (_, index) => ({
      id: `h${index}`,
      memoryBytes: shape.room * guestBytes,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
      location: shape.location?.(index) ?? [],
    })),
    domains: Array.from({ length: shape.hosts * shape.perHost }, (_, index) => ({
      id: `vm${index}`,
      host: `h${Math.floor(index / shape.perHost)}`,
      memoryBytes: guestBytes,
      vcpus: 1,
      cpu: 0.2,
      dirtyBytesPerSecond: 1e6,
    })),
    traffic: shape.traffic,
  });
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

/** Each listed pair of domain numbers talks at this rate. */
export function pairs(
  numbers: readonly (readonly [number, number])[],
  bitsPerSecond: number,
): readonly Pairing[] {
  return numbers.map(([a, b]) => ({ a: `vm${a}`, b: `vm${b}`, bitsPerSecond }));
}

/** vm0 … vm5 on three hosts, two each, and no pair of talkers on one host. */
export const splitPairs = pairs(
  [
    [0, 2],
    [1, 4],
    [3, 5],
  ],
  50e6,
);

/** Every domain talks to every other at the same rate. */
export function everybody(count: number, bitsPerSecond: number): readonly Pairing[] {
  const numbers: [number, number][] = [];
  for (let a = 0; a < count; a++) for (let b = a + 1; b < count; b++) numbers.push([a, b]);
  return pairs(numbers, bitsPerSecond);
}
