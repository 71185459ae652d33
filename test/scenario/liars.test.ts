/**
 * Hosts that lie about themselves: named, left out of trading and shut out, at a bounded cost to the others. And
 * honest ones, however much they have to trade, are never taken for liars.
 */

import { type Cluster, parseCluster, SimRandom } from '@barter/sim';
import { describe, expect, test } from 'vitest';
import { type Lie, lies, watched } from './liars.ts';

const GiB = 1024 ** 3;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function clusterOf(hosts: readonly Readonly<{ domains: number; cpu: number }>[]): Cluster {
  const result = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: hosts.map((_, n) => ({
      id: `h${n}`,
      memoryBytes: 64 * GiB,
      vcpus: 16,
      nicBitsPerSecond: 1e10,
    })),
    domains: hosts.flatMap(({ domains, cpu }, n) =>
      Array.from({ length: domains }, (_, i) => ({
        id: `vm${n}-${i}`,
        host: `h${n}`,
        memoryBytes: 2 * GiB,
        vcpus: 1,
        cpu,
      })),
    ),
    traffic: [],
  });
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

/** One host with more to do than the next two have room for, and a liar. */
const crowded = clusterOf([
  { domains: 24, cpu: 0.9 },
  { domains: 12, cpu: 0.5 },
  { domains: 16, cpu: 0.79 },
  { domains: 8, cpu: 0.5 },
]);
/** The same with a liar that has too much to do itself. */
const crowdedLiar = clusterOf([
  { domains: 16, cpu: 0.79 },
  { domains: 8, cpu: 0.5 },
  { domains: 8, cpu: 0.5 },
  { domains: 24, cpu: 0.9 },
]);
const liar = 'h3';

function cpuOf(state: { samples: ReadonlyMap<string, { traits: { cpu: number } }> } | undefined) {
  return [...(state?.samples.values() ?? [])].reduce((sum, { traits }) => sum + traits.cpu, 0);
}

type Expected = Readonly<{
  /** Named by then, and shut out when nothing is under way with it. */
  withinMs: number;
  isShutOut: boolean;
  /** Proposals and their repetitions to it within six hours, of three hosts together. */
  proposalsMax: number;
  of?: Cluster;
}>;

const expected: Readonly<Record<keyof typeof lies, Expected>> = {
  'idle, and busy for ever': { withinMs: 2 * hourMs, isShutOut: true, proposalsMax: 200 },
  'idle, and nothing pays': { withinMs: 10 * minuteMs, isShutOut: true, proposalsMax: 150 },
  'idle, and does not trade': { withinMs: 10 * minuteMs, isShutOut: true, proposalsMax: 150 },
  'idle, and silent': { withinMs: 20 * minuteMs, isShutOut: true, proposalsMax: 900 },
  // Nobody expects anything of a host that has too much to do: it is met only when it proposes itself.
  'a book of an empty host': {
    withinMs: hourMs,
    isShutOut: true,
    proposalsMax: 20,
    of: crowdedLiar,
  },
  'takes claims and calls none': { withinMs: 4 * hourMs, isShutOut: true, proposalsMax: 150 },
  'runs what runs elsewhere': { withinMs: 20 * minuteMs, isShutOut: true, proposalsMax: 150 },
};

describe('a host that lies about itself', { timeout: 120_000 }, () => {
  test.each(Object.entries(expected))(
    '%s',
    (name, { withinMs, isShutOut, proposalsMax, of = crowded }) => {
      const lie: Lie = lies[name as keyof typeof lies];
      const { sim, distrusted, shutOut, proposals } = watched(of, { seed: 1 }, { host: liar, lie });
      sim.runUntil(6 * hourMs);
      // What the liar's own agent makes of its answers that were never sent is its own affair.
      const others = distrusted.filter(({ by }) => by !== liar);
      expect(others.map(({ peer }) => peer)).toEqual(others.map(() => liar));
      expect(others[0]?.atMs).toBeLessThan(withinMs);
      expect(others[0]?.message).toContain('again and again');
      expect(shutOut.some(({ by, peer }) => by !== liar && peer === liar)).toBe(isShutOut);
      const wasted = proposals.filter(({ to }) => to === liar).length;
      expect(wasted).toBeLessThan(proposalsMax);
      // Each time it is left out for longer.
      const times = others.filter(({ by }) => by === others[0]?.by).map(({ forMs }) => forMs);
      expect(times).toEqual(times.map((_, n) => Math.min(36, 2 ** n) * 10 * minuteMs));
      expect(cpuOf(sim.host('h0').state)).toBeLessThan(16);
    },
  );
});

describe('honest hosts', { timeout: 300_000 }, () => {
  /** A third of the hosts has more to do than it can, a third has room, and who talks to whom is drawn. */
  function drawn(seed: number): Cluster {
    const random = new SimRandom(seed, 1);
    const hosts = 12;
    const perHost = 10;
    const result = parseCluster({
      version: 1,
      distance: [0, 1, 3, 5],
      hosts: Array.from({ length: hosts }, (_, n) => ({
        id: `h${n}`,
        memoryBytes: 32 * GiB,
        vcpus: 8,
        nicBitsPerSecond: 1e10,
        location: [`rack${n % 4}`],
      })),
      domains: Array.from({ length: hosts * perHost }, (_, n) => ({
        id: `vm${n}`,
        host: `h${Math.floor(n / perHost)}`,
        memoryBytes: (1 + random.below(3)) * GiB,
        vcpus: 1,
        cpu: random.next() * ((Math.floor(n / perHost) % 3) + 0.3),
      })),
      traffic: Array.from({ length: hosts * perHost }, (_, n) => ({
        a: `vm${n}`,
        b:
          random.next() < 0.2
            ? 'external'
            : `vm${(n + 1 + random.below(hosts * perHost - 1)) % (hosts * perHost)}`,
        bitsPerSecond: 10 ** (6 + random.next() * 2.3),
      })),
    });
    if (!result.ok) throw new Error(result.message);
    return result.value;
  }

  test.each(['default', 'threshold', 'cpu-balance'] as const)(
    'twelve of them are believed (%s)',
    (preset) => {
      const { sim, distrusted, charges } = watched(drawn(7), { seed: 7, preset });
      sim.runUntil(hourMs);
      expect(sim.deals.length).toBeGreaterThan(0);
      expect(distrusted).toEqual([]);
      expect(Math.max(0, ...charges.map(({ count }) => count))).toBeLessThan(3);
    },
  );
});
