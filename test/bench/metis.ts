/**
 * The central rival: METIS (Debian package `metis`) partitions the traffic graph of the whole cluster.
 * Parts that do not fit are repaired by the cheapest moves, which favours METIS.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from '../../packages/core/src/model/cost.ts';
import { distance } from '../../packages/core/src/model/distance.ts';
import type { DomainId, HostId } from '../../packages/core/src/model/model.ts';

export function metisInstalled(): boolean {
  return spawnSync('gpmetis', ['-help']).error === undefined;
}

/**
 * Three ways to use it: `kway`, its default algorithm, all hosts at once, parts in the order of the hosts'
 * locations; `rb`, the same by recursive bisection, whose numbering keeps neighbours close; and
 * `levels`, one partition for each level of the locations. All of them may use the free room.
 */
export const METIS_METHODS = ['kway', 'rb', 'levels'] as const;
/** `plain`: gpmetis as it comes, k-way, one cut, 3 % imbalance, although there is more room than that. */
export type MetisMethod = (typeof METIS_METHODS)[number] | 'plain';

export function metisPlacement(
  world: World,
  method: MetisMethod,
  seed: number,
  table: readonly number[],
): World {
  const folder = mkdtempSync(join(tmpdir(), 'barter-metis-'));
  try {
    const placed = new Map<DomainId, HostId>();
    if (method === 'levels') byLevels(world, folder, seed, placed);
    else atOnce(world, folder, seed, placed, method);
    repair(world, placed, table);
    return {
      ...world,
      domains: world.domains.map((d) => ({ ...d, holder: placed.get(d.domain) ?? d.holder })),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Hosts = World['hosts'];

function byLevels(world: World, folder: string, seed: number, placed: Map<DomainId, HostId>): void {
  const descend = (domains: readonly DomainId[], hosts: Hosts, level: number): void => {
    const [only] = hosts;
    if (hosts.length === 1 && only) {
      for (const domain of domains) placed.set(domain, only.host);
      return;
    }
    const groups = groupHosts(hosts, level);
    if (groups.length === 1) {
      descend(domains, hosts, level + 1);
      return;
    }
    const parts = partition(world, domains, groups.length, folder, seed);
    groups.forEach((group, n) => {
      descend(
        domains.filter((_, i) => parts[i] === n),
        group,
        level + 1,
      );
    });
  };
  descend(
    world.domains.map((d) => d.domain),
    world.hosts,
    0,
  );
}

function groupHosts(hosts: Hosts, level: number): Hosts[] {
  const groups = new Map<string, World['hosts'][number][]>();
  for (const host of hosts) {
    const key = host.location[level] ?? host.host;
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  return [...groups.values()];
}

function atOnce(
  world: World,
  folder: string,
  seed: number,
  placed: Map<DomainId, HostId>,
  method: Exclude<MetisMethod, 'levels'>,
): void {
  const domains = world.domains.map((d) => d.domain);
  const parts = partition(world, domains, world.hosts.length, folder, seed, method);
  domains.forEach((domain, i) => {
    const host = world.hosts[parts[i] ?? 0];
    if (host) placed.set(domain, host.host);
  });
}

function partition(
  world: World,
  domains: readonly DomainId[],
  parts: number,
  folder: string,
  seed: number,
  method: Exclude<MetisMethod, 'levels'> = 'kway',
): number[] {
  if (domains.length === 0) return [];
  const index = new Map(domains.map((domain, i) => [domain, i]));
  const rows: Map<number, number>[] = domains.map(() => new Map());
  for (const { a, b, bitsPerSecond } of world.rates) {
    const i = index.get(a);
    const j = b === 'external' ? undefined : index.get(b);
    if (i === undefined || j === undefined || i === j) continue;
    for (const [from, to] of [
      [i, j],
      [j, i],
    ] as const) {
      rows[from]?.set(to, (rows[from]?.get(to) ?? 0) + bitsPerSecond);
    }
  }
  const sizes = new Map(world.domains.map((d) => [d.domain, d.traits.memoryBytes / 2 ** 30]));
  const lines = rows.map((row, i) => {
    const edges = [...row].map(([j, rate]) => `${j + 1} ${Math.max(1, Math.round(rate / 1e3))}`);
    return [Math.round(sizes.get(domains[i] as DomainId) ?? 1), ...edges].join(' ');
  });
  const edges = rows.reduce((sum, row) => sum + row.size, 0) / 2;
  const file = join(folder, 'graph');
  writeFileSync(file, `${domains.length} ${edges} 011\n${lines.join('\n')}\n`);
  const limit = world.hosts.reduce((sum, h) => sum + h.capacity.memoryLimitBytes, 0);
  const used = world.domains.reduce((sum, d) => sum + d.traits.memoryBytes, 0);
  const slack = Math.max(1, Math.floor(1000 * (limit / used - 1) * 0.9));
  const tuned = [
    `-ptype=${method}`,
    '-ncuts=10',
    '-niter=50',
    `-ufactor=${method === 'kway' ? slack : Math.max(1, Math.floor(slack / 8))}`,
  ];
  const options = [`-seed=${seed}`, ...(method === 'plain' ? [] : tuned)];
  const run = spawnSync('gpmetis', [...options, file, String(parts)]);
  if (run.status !== 0) throw new Error(`gpmetis failed: ${run.stderr}${run.stdout}`);
  const answer = readFileSync(`${file}.part.${parts}`, 'utf8');
  return answer.trim().split('\n').map(Number);
}

/** Moves domains off overfull hosts, each time the one that costs least per byte, to where it costs least. */
function repair(world: World, placed: Map<DomainId, HostId>, table: readonly number[]): void {
  const hosts = new Map(world.hosts.map((h) => [h.host, h]));
  const room = new Map(world.hosts.map((h) => [h.host, h.capacity.memoryLimitBytes]));
  const rows = new Map<DomainId, [DomainId, number][]>(world.domains.map((d) => [d.domain, []]));
  for (const { a, b, bitsPerSecond } of world.rates) {
    if (b === 'external') continue;
    rows.get(a)?.push([b, bitsPerSecond]);
    rows.get(b)?.push([a, bitsPerSecond]);
  }
  for (const d of world.domains) {
    const host = placed.get(d.domain);
    if (host) room.set(host, (room.get(host) ?? 0) - d.traits.memoryBytes);
  }
  const costAt = (domain: DomainId, at: HostId): number => {
    const place = hosts.get(at);
    let sum = 0;
    for (const [partner, rate] of rows.get(domain) ?? []) {
      const other = hosts.get(placed.get(partner) as HostId);
      if (place && other) sum += rate * distance(table, place, other);
    }
    return sum;
  };
  for (const [over] of room) {
    while ((room.get(over) ?? 0) < 0) {
      let best: { domain: DomainId; to: HostId; bytes: number; loss: number } | undefined;
      for (const d of world.domains) {
        if (placed.get(d.domain) !== over) continue;
        const here = costAt(d.domain, over);
        for (const [to, free] of room) {
          const bytes = d.traits.memoryBytes;
          if (to === over || free < bytes) continue;
          const loss = (costAt(d.domain, to) - here) / bytes;
          if (!best || loss < best.loss) best = { domain: d.domain, to, bytes, loss };
        }
      }
      if (!best) throw new Error('the METIS placement cannot be repaired');
      placed.set(best.domain, best.to);
      room.set(over, (room.get(over) ?? 0) + best.bytes);
      room.set(best.to, (room.get(best.to) ?? 0) - best.bytes);
    }
  }
}
