/**
 * Checks a list of migrations against the cluster file alone, one after the other, the way an operator
 * would: each from where its domain is, to a host that has room for it and may have it. Shares no code
 * with the simulated world, so that it can find that one wrong.
 */

import type { Cluster, ClusterDomain, ClusterHost } from '../world/cluster-model.ts';
import { cpuOvercommitDefault } from '../world/cluster-model.ts';

/** What is wrong, and at which step (the index of the migration; the number of them = at the end). */
export type ReplayProblem = Readonly<{ step: number; message: string }>;

export type ReplayMigration = Readonly<{ domain: string; from: string; to: string }>;

/** Memory, vCPUs, `frozen`, `pin` and `keepApart` hold at every step; `keepTogether` at the end. */
export function replay(
  cluster: Cluster,
  migrations: readonly ReplayMigration[],
): Readonly<{ placement: Readonly<Record<string, string>>; problems: readonly ReplayProblem[] }> {
  const problems: ReplayProblem[] = [];
  const hosts = new Map<string, ClusterHost>(cluster.hosts.map((host) => [host.id, host]));
  const domains = new Map(cluster.domains.map((domain) => [domain.id, domain]));
  const placement = new Map<string, string>(cluster.domains.map(({ id, host }) => [id, host]));
  const residents = new Map(
    cluster.hosts.map((host) => [String(host.id), new Set<ClusterDomain>()]),
  );
  for (const domain of cluster.domains) residents.get(domain.host)?.add(domain);
  const on = (host: string): ClusterDomain[] => [...(residents.get(host) ?? [])];

  for (const [step, { domain: id, from, to }] of migrations.entries()) {
    const report = (message: string) => problems.push({ step, message });
    const domain = domains.get(id);
    const target = hosts.get(to);
    if (domain === undefined || target === undefined) {
      report(`there is no domain "${id}" or no host "${to}"`);
      continue;
    }
    if (placement.get(id) !== from) report(`${id} is on ${placement.get(id)}, not on ${from}`);
    if (from === to) report(`${id} moves from ${from} to itself`);
    const { frozen, pin, keepApart } = domain.policy;
    if (frozen) report(`${id} is frozen`);
    if (pin !== undefined && !pin.includes(to)) report(`${id} is not pinned to ${to}`);
    const group = on(to).filter((other) => other.policy.keepApart === keepApart);
    if (keepApart !== undefined && group.length > 0)
      report(`${id} joins ${group.map((other) => other.id).join(', ')} of ${keepApart} on ${to}`);
    residents.get(placement.get(id) ?? '')?.delete(domain);
    residents.get(to)?.add(domain);
    placement.set(id, to);
    const memoryBytes = on(to).reduce((sum, other) => sum + other.memoryBytes, 0);
    if (memoryBytes > target.memoryBytes)
      report(`${to} holds ${memoryBytes} of ${target.memoryBytes} bytes`);
    const vcpus = on(to).reduce((sum, other) => sum + other.vcpus, 0);
    if (vcpus > (target.vcpuLimit ?? target.vcpus * cpuOvercommitDefault))
      report(`${to} holds ${vcpus} vCPUs on ${target.vcpus}`);
  }
  for (const group of new Set(cluster.domains.flatMap(({ policy }) => policy.keepTogether ?? []))) {
    const members = cluster.domains.filter(({ policy }) => policy.keepTogether === group);
    const before = new Set(members.map(({ host }) => host)).size;
    const after = new Set(members.map(({ id }) => placement.get(id))).size;
    if (after > before) {
      const message = `keep-together group ${group} is on ${after} hosts, and was on ${before}`;
      problems.push({ step: migrations.length, message });
    }
  }
  return { placement: Object.fromEntries(placement), problems };
}
