/**
 * What a cluster file's parts must be to each other: known ids, one of each, and room for everything.
 * Also asked about what `salvage.ts` made of a file, where a name may be missing.
 */

import type { Cluster, ClusterProblem, ClusterTraffic } from './cluster-model.ts';
import { cpuOvercommitDefault, external } from './cluster-model.ts';

/** Every problem of a cluster whose shape is right, in the order of the file. */
export function checkCluster(cluster: Cluster): readonly ClusterProblem[] {
  const problems: ClusterProblem[] = [];
  const report = (path: string, message: string) => problems.push({ path, message });
  const hosts = new Map<string, { index: number; memoryBytes: number; vcpus: number }>();
  const domains = new Set<string>();

  checkDistance(cluster, report);
  for (const [index, host] of cluster.hosts.entries()) {
    if (host.id === undefined) continue;
    if (hosts.has(host.id)) report(`hosts[${index}].id`, `"${host.id}" is listed twice`);
    else hosts.set(host.id, { index, memoryBytes: 0, vcpus: 0 });
  }

  for (const [index, domain] of cluster.domains.entries()) {
    const path = `domains[${index}]`;
    if (domain.id === external) report(`${path}.id`, `"${external}" means outside the cluster`);
    else if (domains.has(domain.id)) report(`${path}.id`, `"${domain.id}" is listed twice`);
    else if (domain.id !== undefined) domains.add(domain.id);

    const load = hosts.get(domain.host);
    if (load === undefined) {
      if (domain.host !== undefined) report(`${path}.host`, `there is no host "${domain.host}"`);
    } else {
      load.memoryBytes += domain.memoryBytes;
      load.vcpus += domain.vcpus;
    }
    for (const [position, pinned] of (domain.policy.pin ?? []).entries()) {
      if (!hosts.has(pinned)) {
        report(`${path}.policy.pin[${position}]`, `there is no host "${pinned}"`);
      }
    }
  }

  for (const load of hosts.values()) {
    const host = cluster.hosts[load.index];
    if (host === undefined) continue;
    const path = `hosts[${load.index}]`;
    if (load.memoryBytes > host.memoryBytes) {
      report(
        `${path}.memoryBytes`,
        `"${host.id}" is overcommitted: its domains need ${load.memoryBytes} of ${host.memoryBytes} bytes`,
      );
    }
    if (load.vcpus > (host.vcpuLimit ?? host.vcpus * cpuOvercommitDefault)) {
      const limit =
        host.vcpuLimit === undefined
          ? `${cpuOvercommitDefault} for each of its ${host.vcpus}`
          : `its limit of ${host.vcpuLimit}`;
      report(
        `${path}.vcpus`,
        `"${host.id}" is overcommitted: its domains have ${load.vcpus} virtual CPUs, more than ${limit}`,
      );
    }
  }

  const checkTraffic = (list: readonly ClusterTraffic[], path: string) => {
    for (const [index, pair] of list.entries()) {
      for (const end of ['a', 'b'] as const) {
        if (pair[end] === undefined) continue;
        if (pair[end] !== external && !domains.has(pair[end])) {
          report(`${path}[${index}].${end}`, `there is no domain "${pair[end]}"`);
        }
      }
      if (pair.a === pair.b && pair.a !== undefined) {
        report(`${path}[${index}]`, `"${pair.a}" cannot exchange traffic with itself`);
      }
    }
  };
  checkTraffic(cluster.traffic, 'traffic');
  for (const [index, entry] of cluster.timeline.entries()) {
    const path = `timeline[${index}]`;
    checkTraffic(entry.traffic, `${path}.traffic`);
    const changed = new Set<string>();
    for (const [position, { id }] of entry.domains.entries()) {
      const where = `${path}.domains[${position}].id`;
      if (id === undefined) continue;
      if (!domains.has(id)) report(where, `there is no domain "${id}"`);
      else if (changed.has(id)) report(where, `"${id}" is listed twice`);
      changed.add(id);
    }
  }
  return problems;
}

function checkDistance(cluster: Cluster, report: (path: string, message: string) => void): void {
  const levels = Math.max(0, ...new Set(cluster.hosts.map((host) => host.location.length)));
  if (cluster.distance.length < levels + 2) {
    report(
      'distance',
      `${levels} location levels need ${levels + 2} distances, and there are ${cluster.distance.length}`,
    );
  }
  for (const [index, value] of cluster.distance.entries()) {
    const before = cluster.distance[index - 1];
    if (before !== undefined && value < before) {
      report(`distance[${index}]`, `${value} is less than ${before}: distances never shrink`);
    }
  }
}
