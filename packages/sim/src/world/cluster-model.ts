/** A cluster as a cluster file describes it: hosts, domains, traffic and its timeline. */

import type { HostId, Policy } from '@barter/core';

/** How many virtual CPUs a host may carry for each of its own (the agent's default, `limits.cpuOvercommit`). */
export const cpuOvercommitDefault = 4;

/** The endpoint of traffic that leaves the cluster. */
export const external = 'external';

export type ClusterHost = Readonly<{
  id: HostId;
  memoryBytes: number;
  vcpus: number;
  nicBitsPerSecond: number;
  location: readonly string[];
  /** What domains may be placed on: by default all of the memory, and four virtual CPUs for each core. */
  memoryLimitBytes?: number;
  vcpuLimit?: number;
}>;

export type ClusterDomain = Readonly<{
  id: string;
  host: HostId;
  memoryBytes: number;
  vcpus: number;
  /** Busy cores. */
  cpu: number;
  dirtyBytesPerSecond: number;
  policy: Policy;
}>;

/** Both directions added. At most one endpoint is `external`. */
export type ClusterTraffic = Readonly<{ a: string; b: string; bitsPerSecond: number }>;

/**
 * From `atSeconds` on, the listed pairs have the listed rates and the listed domains use that many cores;
 * all others keep theirs.
 */
export type TimelineEntry = Readonly<{
  atSeconds: number;
  traffic: readonly ClusterTraffic[];
  domains: readonly Readonly<{ id: string; cpu: number }>[];
}>;

export type Cluster = Readonly<{
  version: 1;
  /** By the number of location levels not shared: `distance[0]` for the same host. */
  distance: readonly number[];
  hosts: readonly ClusterHost[];
  domains: readonly ClusterDomain[];
  traffic: readonly ClusterTraffic[];
  timeline: readonly TimelineEntry[];
}>;

/** One thing wrong with a cluster file: where (`domains[3].host`), and one sentence. */
export type ClusterProblem = Readonly<{ path: string; message: string }>;
