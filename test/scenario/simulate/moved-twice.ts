/** What has migrated more than once. */

import type { Cluster, SimulationResult } from '@barter/sim';

type Migrations = Pick<SimulationResult, 'migrations'>;

/** The names of the VMs that did, in the order in which they did so first. */
export function movedTwice({ migrations }: Migrations): readonly string[] {
  return again(migrations, () => true);
}

/**
 * The same without those that left a host which ran more than the memory that an operator lets it have: that has to be
 * mended, whoever moved before. A host gets there when what was to leave it is given up for want of room.
 */
export function movedTwiceForNothing(
  cluster: Cluster,
  { migrations }: Migrations,
): readonly string[] {
  const limits = new Map<string, number>(
    cluster.hosts.map(({ id, memoryLimitBytes, memoryBytes }) => [
      id,
      memoryLimitBytes ?? memoryBytes,
    ]),
  );
  const sizes = new Map<string, number>(
    cluster.domains.map(({ id, memoryBytes }) => [id, memoryBytes]),
  );
  const running = new Map<string, number>();
  const add = (host: string, bytes: number) => running.set(host, (running.get(host) ?? 0) + bytes);
  for (const { host, memoryBytes } of cluster.domains) add(host, memoryBytes);
  return again(migrations, ({ domain, from, to }) => {
    const isAbove = (running.get(from) ?? 0) > (limits.get(from) ?? Number.POSITIVE_INFINITY);
    const bytes = sizes.get(domain) ?? 0;
    add(from, -bytes);
    add(to, bytes);
    return !isAbove;
  });
}

/** Who moved before and then did so again in a way that counts. */
function again(
  migrations: Migrations['migrations'],
  counts: (migration: Migrations['migrations'][number]) => boolean,
): readonly string[] {
  const moved = new Set<string>();
  const twice = new Set<string>();
  for (const migration of migrations) {
    if (counts(migration) && moved.has(migration.domain)) twice.add(migration.domain);
    moved.add(migration.domain);
  }
  return [...twice];
}
