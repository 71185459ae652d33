/** What a host has and what may be used of it, from what libvirt says and what the operator set. */

import type { HostCapacity } from '@barter/core';

export type CapacityLimits = Readonly<{
  /** Of the host's memory, how much is for domains; null = all of it. */
  memoryBytes: number | null;
  /** Of the host's CPUs, how many are for domains; null = all of them. */
  vcpus: number | null;
  /** The uplink; null = the fastest physical interface. */
  nicBitsPerSecond: number | null;
  memoryOvercommit: number;
  cpuOvercommit: number;
  /** The share of the memory that claims leave free: for the host and for domains in transit. */
  headroom: number;
}>;

/** The hard limits. `measured` is the whole machine; a limit above it is cut to it. */
export function hostCapacity(
  measured: Readonly<{ memoryBytes: number; cpus: number; nicBitsPerSecond: number }>,
  limits: CapacityLimits,
): HostCapacity {
  const memoryBytes = Math.min(limits.memoryBytes ?? measured.memoryBytes, measured.memoryBytes);
  const vcpus = Math.min(limits.vcpus ?? measured.cpus, measured.cpus);
  const memoryTransientBytes = Math.floor(memoryBytes * limits.memoryOvercommit);
  return {
    memoryBytes,
    vcpus,
    nicBitsPerSecond: limits.nicBitsPerSecond ?? measured.nicBitsPerSecond,
    memoryTransientBytes,
    memoryLimitBytes: Math.floor(memoryTransientBytes * (1 - limits.headroom)),
    vcpuLimit: Math.floor(vcpus * limits.cpuOvercommit),
  };
}
