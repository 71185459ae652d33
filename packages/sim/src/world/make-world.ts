/** A simulated world's hosts and domains as a cluster file lists them, before anything has happened. */

import type { DomainId, HostCapacity } from '@barter/core';
import type { Cluster } from './cluster-model.ts';
import { cpuOvercommitDefault } from './cluster-model.ts';
import type { WorldDomain, WorldHost } from './ground.ts';

export type WorldOptions = Readonly<{
  memoryOvercommit?: number;
  cpuOvercommit?: number;
  /** The share of memory that no claim may use: room for domains in transit. */
  headroom?: number;
  downtimeMaxMs?: number;
}>;

/** The address of everything outside the cluster. */
export const gatewayAddress = '02:00:00:00:00:01';

/** In the order of the file; no domain is on any of them yet. */
export function makeHosts({ hosts }: Cluster, options: WorldOptions): readonly WorldHost[] {
  return hosts.map((host, index) => ({
    index,
    id: host.id,
    capacity: capacityOf(host, options),
    location: host.location,
    running: new Set<WorldDomain>(),
    arriving: new Set<WorldDomain>(),
    paused: new Set<WorldDomain>(),
    shutOff: new Set<WorldDomain>(),
    reachable: true,
    sample: undefined,
    load: undefined,
  }));
}

/** In the order of the file. */
export function makeDomains({ domains }: Cluster): readonly WorldDomain[] {
  return domains.map((domain, index) => ({
    index,
    id: domain.id as DomainId,
    address: addressOf(index),
    memoryBytes: domain.memoryBytes,
    vcpus: domain.vcpus,
    cpu: domain.cpu,
    dirtyBytesPerSecond: domain.dirtyBytesPerSecond,
    policy: domain.policy,
    blocked: undefined,
    migration: undefined,
    waiting: new Map(),
  }));
}

function capacityOf(host: Cluster['hosts'][number], options: WorldOptions): HostCapacity {
  const memoryTransientBytes = Math.floor(host.memoryBytes * (options.memoryOvercommit ?? 1));
  return {
    memoryBytes: host.memoryBytes,
    vcpus: host.vcpus,
    nicBitsPerSecond: host.nicBitsPerSecond,
    memoryLimitBytes:
      host.memoryLimitBytes ?? Math.floor(memoryTransientBytes * (1 - (options.headroom ?? 0))),
    vcpuLimit: host.vcpuLimit ?? host.vcpus * (options.cpuOvercommit ?? cpuOvercommitDefault),
    memoryTransientBytes,
  };
}

/** A MAC address in QEMU's range, by the domain's place in the cluster file. */
function addressOf(index: number): string {
  const bytes = [index >> 16, index >> 8, index].map((value) =>
    (value & 0xff).toString(16).padStart(2, '0'),
  );
  return `52:54:00:${bytes.join(':')}`;
}
