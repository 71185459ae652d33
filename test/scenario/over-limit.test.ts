import { type PresetName, whyAboveLimits } from '@barter/core';
import { type ClusterHost, parseCluster, SimCluster } from '@barter/sim';
import { describe, expect, test } from 'vitest';

/**
 * Two hosts are above what their claims may fill, as failed halves of swaps left them under chaos in the lab:
 * three guests each where two and a half have room, and no room for a fourth while guests change places.
 */

const GiB = 1024 ** 3;
const guest = 2 * GiB;
const hourMs = 3_600_000;
/** Every preset that has no term for memory, and one that has. */
const presets = ['threshold', 'affinity', 'default'] as const;

type Guest = Readonly<{ host: string; policy?: object; memoryBytes?: number; vcpus?: number }>;
type Talk = readonly [string, string, number];

function build(
  guests: Readonly<Record<string, Guest>>,
  preset: PresetName,
  talks: readonly Talk[] = [],
  limits: Partial<ClusterHost> = {},
  said: string[] = [],
): SimCluster {
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: ['h1', 'h2', 'h3', 'h4', 'h5'].map((id) => ({
      id,
      memoryBytes: 3.5 * guest,
      memoryLimitBytes: 2.5 * guest,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
      location: [],
    })),
    domains: Object.entries(guests).map(([id, { host, ...rest }]) => ({
      id,
      host,
      memoryBytes: guest,
      vcpus: 1,
      cpu: 0.1,
      dirtyBytesPerSecond: 1e6,
      ...rest,
    })),
    traffic: talks.map(([a, b, bitsPerSecond]) => ({ a, b, bitsPerSecond })),
  });
  if (!parsed.ok) throw new Error(parsed.message);
  const { value } = parsed;
  // Set afterwards: a cluster file may not begin above a limit on vCPUs.
  const hosts = value.hosts.map((host) => ({ ...host, ...limits }));
  return new SimCluster(
    { ...value, hosts },
    {
      seed: 12,
      preset,
      onEffect: (host, _atMs, effect) => {
        if (effect.kind === 'log' && effect.code === 'deal-committed')
          said.push(`${host}: ${effect.message}`);
      },
    },
  );
}

const three = (host: string, first: number): Readonly<Record<string, Guest>> =>
  Object.fromEntries([0, 1, 2].map((n) => [`vm${first + n}`, { host }]));
/** On the others: as much as has room there, and it stays. */
const full: Readonly<Record<string, Guest>> = Object.fromEntries(
  [7, 8, 9, 10, 11, 12].map((n) => [
    `vm${n}`,
    { host: `h${Math.floor((n - 1) / 2)}`, policy: { frozen: true } },
  ]),
);
const crowded = { ...three('h1', 1), ...three('h2', 4) };

/** Loads at which the two would rather change guests: each guest talks to one over there, and to the outside. */
const torn: readonly Talk[] = [
  ['vm1', 'vm4', 300e6],
  ['vm2', 'vm5', 200e6],
  ['vm3', 'vm6', 100e6],
  ...['vm1', 'vm5'].map((name): Talk => [name, 'external', 100e6]),
];

function aboveLimits(cluster: SimCluster): readonly string[] {
  return cluster.world.hosts.flatMap(({ id, running, capacity }) => {
    const memoryBytes = [...running].reduce((sum, domain) => sum + domain.memoryBytes, 0);
    const vcpus = [...running].reduce((sum, domain) => sum + domain.vcpus, 0);
    const isAbove = memoryBytes > capacity.memoryLimitBytes || vcpus > capacity.vcpuLimit;
    return isAbove ? [id] : [];
  });
}

function why(cluster: SimCluster, id: string): string {
  const { state } = cluster.host(id);
  return (state && whyAboveLimits(state, cluster.world.nowMs())) ?? '';
}

describe.each(presets)('hosts above their memory limit, beside empty ones (%s)', (preset) => {
  test('shed one guest each, and nothing else moves', () => {
    const cluster = build(crowded, preset);
    expect(aboveLimits(cluster)).toEqual(['h1', 'h2']);
    cluster.runUntil(hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.moves.map(({ from }) => from).toSorted()).toEqual(['h1', 'h2']);
    expect(cluster.deals).toHaveLength(2);
    expect(cluster.settled).toBe(true);
    expect(why(cluster, 'h1')).toBe('');
  });

  test('do so although they would rather change guests with each other', () => {
    const cluster = build(crowded, preset, torn);
    cluster.runUntil(hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.settled).toBe(true);
    expect(cluster.moves.length).toBeLessThanOrEqual(6);
  });

  test('do so although all that is on them belongs together', () => {
    const together: readonly Talk[] = [
      ['vm1', 'vm2', 900e6],
      ['vm2', 'vm3', 900e6],
      ['vm1', 'vm3', 900e6],
    ];
    const cluster = build(crowded, preset, together);
    cluster.runUntil(hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.moves).toHaveLength(2);
  });

  test('shed the guest that costs least of those that are enough', () => {
    const cluster = build({ ...crowded, vm2: { host: 'h1', memoryBytes: 1.5 * guest } }, preset);
    cluster.runUntil(hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.moves).toHaveLength(2);
    expect(cluster.moves.map(({ domain }) => domain)).not.toContain('vm2');
  });

  test('shed nothing where nobody has room, and say so', () => {
    const cluster = build({ ...crowded, ...full }, preset, torn);
    cluster.runUntil(hourMs);
    expect(cluster.moves).toEqual([]);
    expect(cluster.deals, 'nor is anything agreed that could not begin').toEqual([]);
    expect(why(cluster, 'h1')).toBe(
      'the claims held here are 1024 MiB above what this host may promise; no host that it hears of may take, and has room for, a VM that may leave',
    );
    expect(why(cluster, 'h3')).toBe('');
  });

  test('shed nothing that is frozen or pinned, and say so', () => {
    const held = {
      vm1: { host: 'h1', policy: { frozen: true } },
      vm2: { host: 'h1', policy: { frozen: true } },
      vm3: { host: 'h1', policy: { pin: ['h1'] } },
      ...three('h2', 4),
      vm4: { host: 'h2', policy: { pin: ['h2', 'h4'] } },
      vm5: { host: 'h2', policy: { frozen: true } },
      vm6: { host: 'h2', policy: { frozen: true } },
    };
    const cluster = build(held, preset);
    cluster.runUntil(hourMs);
    expect(cluster.moves.map(({ domain, to }) => `${domain} → ${to}`)).toEqual(['vm4 → h4']);
    expect(why(cluster, 'h1')).toMatch(/1024 MiB above .*; no host that it hears of may take/);
  });
});

describe('a host above its memory limit', () => {
  test('says in its log what a deal is for, and so does the other one', () => {
    const said: string[] = [];
    const cluster = build(crowded, 'affinity', [], {}, said);
    cluster.runUntil(hourMs);
    expect(said).toHaveLength(4);
    const h1 = said.filter((text) => text.includes('h1'));
    for (const text of h1)
      expect(text).toMatch(/It brings (h1|this host) back within its limits\.$/);
  });

  test('sheds what an administrator adds to it, also of what Barter has brought there lately', () => {
    const guests = {
      vm1: { host: 'h1', policy: { frozen: true } },
      vm2: { host: 'h2' },
      vm3: { host: 'h3', policy: { frozen: true } },
    };
    const cluster = build(guests, 'affinity', [['vm1', 'vm2', 100e6]]);
    cluster.runUntil(hourMs);
    expect(cluster.moves.map(({ domain, to }) => `${domain} → ${to}`)).toEqual(['vm2 → h1']);
    cluster.world.startOn('vm3', 'h1');
    expect(aboveLimits(cluster)).toEqual(['h1']);
    cluster.runUntil(3 * hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.moves.slice(1).map(({ domain }) => domain)).toEqual(['vm2']);
  });

  test('sheds a smaller one where the next host is too full for more', () => {
    const guests = {
      ...three('h1', 1),
      vm3: { host: 'h1', memoryBytes: guest / 2 },
      vm4: { host: 'h1', memoryBytes: guest / 2 },
      ...Object.fromEntries(
        ['h2', 'h3', 'h4', 'h5'].map((host) => [`${host}vm`, { host, memoryBytes: 2 * guest }]),
      ),
    };
    const cluster = build(guests, 'threshold');
    cluster.runUntil(hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.moves.map(({ bytes }) => bytes < guest)).toEqual([true]);
  });
});

describe('a host above its vCPU limit', () => {
  test.each(presets)('sheds down to it (%s)', (preset) => {
    const small = { memoryBytes: guest / 4 };
    const guests = {
      vm1: { ...small, host: 'h1', vcpus: 4 },
      vm2: { ...small, host: 'h1', vcpus: 2 },
      vm3: { ...small, host: 'h1', vcpus: 3 },
      vm4: { ...small, host: 'h2', vcpus: 7 },
    };
    const cluster = build(guests, preset, [], { vcpuLimit: 8 });
    expect(aboveLimits(cluster)).toEqual(['h1']);
    cluster.runUntil(hourMs);
    expect(aboveLimits(cluster)).toEqual([]);
    expect(cluster.moves).toHaveLength(1);
  });
});
