/**
 * `node test/bench/exchange.ts [--claims 200] [--partners 32] [--rounds 15]`
 *
 * How long one search takes, bundles against moves and swaps on the same books in the same run, and how
 * much more they gain. The books are as large as the limits of a proposal allow.
 */

import { parseArgs } from 'node:util';
import { bestExchange, type SearchKind } from '../../packages/core/src/exchange/exchange.ts';
import type { World, WorldDomain, WorldHost } from '../../packages/core/src/model/cost.ts';
import type { DomainId, HostId } from '../../packages/core/src/model/model.ts';
import { type PresetName, preset } from '../../packages/core/src/preset.ts';
import { makeCluster, seededRandom } from './cluster.ts';
import { Floor } from './trade.ts';

const { values } = parseArgs({
  options: {
    claims: { type: 'string', default: '200' },
    partners: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '15' },
  },
});
const claims = Number(values.claims);
const partners = Number(values.partners);
const GIB = 2 ** 30;

/** Sixteen hosts full of claims, each claim talking to `partners` others: mostly nearby in its own tenant. */
function denseWorld(seed: number): World {
  const random = seededRandom(seed);
  const shape = {
    pods: 2,
    racksPerPod: 2,
    hostsPerRack: 4,
    slots: 1,
    fill: 0,
    sizes: 'equal',
  } as const;
  const hosts: WorldHost[] = makeCluster({ seed, ...shape }).hosts.map((host) => ({
    ...host,
    capacity: {
      ...host.capacity,
      memoryBytes: (claims + 8) * 2 * GIB,
      memoryLimitBytes: (claims + 8) * 2 * GIB,
      vcpus: claims,
      vcpuLimit: 4 * claims,
      nicBitsPerSecond: 1e11,
    },
  }));
  const domains: WorldDomain[] = hosts.flatMap(({ host }, h) =>
    Array.from({ length: claims }, (_, i) => ({
      domain: `vm${h * claims + i}` as DomainId,
      home: host,
      holder: host,
      traits: { memoryBytes: 2 * GIB, vcpus: 1, cpu: 0.5 * random(), migrationBytes: 2 * GIB },
    })),
  );
  const tenants = domains.map(() => Math.floor((random() * domains.length) / 48));
  const members = new Map<number, number[]>();
  for (const [i, tenant] of tenants.entries())
    members.set(tenant, [...(members.get(tenant) ?? []), i]);
  const rates: World['rates'][number][] = [];
  const seen = new Set<number>();
  for (let i = 0; i < domains.length; i++) {
    const own = members.get(tenants[i] ?? 0) ?? [];
    for (let n = 0; n < partners / 2; n++) {
      const j =
        random() < 0.8
          ? (own[Math.floor(random() * own.length)] ?? i)
          : Math.floor(random() * domains.length);
      const key = Math.min(i, j) * domains.length + Math.max(i, j);
      const [a, b] = [domains[i]?.domain, domains[j]?.domain];
      if (i === j || seen.has(key) || !a || !b) continue;
      seen.add(key);
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      rates.push({ a, b, bitsPerSecond: 1e6 * Math.exp(2 * normal) });
    }
  }
  return { hosts, domains, rates };
}

/** CPU time of this thread: what others run on the machine does not count. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The mean, because the clock of a thread's CPU time is coarse on some machines. */
function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / Math.max(1, numbers.length);
}

const floor = new Floor(denseWorld(1));
const pairs = Array.from(
  { length: Number(values.rounds) },
  (_, n) =>
    [floor.book(`h${n % 16}` as HostId), floor.book(`h${(n * 7 + 5) % 16}` as HostId)] as const,
).filter(([a, b]) => a !== b);
const rows = pairs.flatMap((pair) => pair.flatMap((book) => book.offers.map((o) => o.row.length)));
console.log(
  `${claims} claims a book, ${(rows.reduce((a, b) => a + b, 0) / rows.length).toFixed(1)} partners a claim`,
);
for (const name of ['affinity', 'default', 'cpu-balance', 'aggregate'] satisfies PresetName[]) {
  const { cost, minGainBitsPerSecond } = preset(name);
  const time = new Map<SearchKind, number[]>();
  const gain = new Map<SearchKind, number>();
  const size = new Map<SearchKind, number>();
  for (const kind of ['single', 'swap', 'bundle'] as const) {
    for (const [n, [a, b]] of [...pairs, ...pairs].entries()) {
      const startedAt = threadMs();
      const found = bestExchange(a, b, cost, { kind, minGainBitsPerSecond });
      // The first time round warms up the compiler.
      if (n < pairs.length) continue;
      time.set(kind, [...(time.get(kind) ?? []), threadMs() - startedAt]);
      gain.set(kind, (gain.get(kind) ?? 0) + (found?.evaluation.gainBitsPerSecond ?? 0));
      const { give = [], take = [] } = found?.exchange ?? {};
      size.set(kind, (size.get(kind) ?? 0) + give.length + take.length);
    }
  }
  const swap = mean(time.get('swap') ?? []);
  for (const [kind, times] of time) {
    const ms = mean(times);
    console.log(
      `${name} ${kind}: mean ${ms.toFixed(2)} ms, most ${Math.max(...times).toFixed(2)} ms, ${(ms / swap).toFixed(2)} × swap; ` +
        `gain ${((gain.get(kind) ?? 0) / (gain.get('swap') ?? 1)).toFixed(2)} × swap, ${((size.get(kind) ?? 0) / pairs.length).toFixed(1)} claims`,
    );
  }
}
