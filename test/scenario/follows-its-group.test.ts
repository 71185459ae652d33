import type { DomainId } from '@barter/core';
import { parseCluster, SimCluster } from '@barter/sim';
import { expect, test } from 'vitest';

/**
 * Two VMs that are to be kept together go to another host, for what one of them talks to is there; what the other one
 * talks to is where they were. When the migration of that one fails, and its companion has gone, no deal of its own
 * would ever bring it there.
 */

const GiB = 1024 ** 3;

function pulledAway(): SimCluster {
  const domains = { leads: 'h0', follows: 'h0', left: 'h0', pulls: 'h1' };
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: ['h0', 'h1'].map((id) => ({
      id,
      memoryBytes: 8 * GiB,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
      location: [],
    })),
    domains: Object.entries(domains).map(([id, host]) => ({
      id,
      host,
      memoryBytes: GiB,
      vcpus: 1,
      cpu: 0.1,
      dirtyBytesPerSecond: 1e6,
      // Only the two may move.
      policy: id === 'leads' || id === 'follows' ? { keepTogether: 'pair' } : { frozen: true },
    })),
    traffic: [
      { a: 'leads', b: 'pulls', bitsPerSecond: 400e6 },
      { a: 'follows', b: 'left', bitsPerSecond: 100e6 },
    ],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return new SimCluster(parsed.value, {
    seed: 1,
    preset: 'affinity',
    timing: { settleAfterMs: 10_000, backoffMs: 20_000, backoffMaxMs: 60_000 },
  });
}

/** Runs until one of the two has gone, and then lets so many migrations fail. */
function failing(times: number): SimCluster {
  const cluster = pulledAway();
  for (let second = 1; cluster.moves.length === 0 && second < 600; second++)
    cluster.runUntil(second * 1_000);
  for (let time = 0; time < times; time++)
    cluster.world.failNext({ kind: 'broken', fraction: 0.5, detail: 'the way was cut' });
  cluster.runUntil(2 * 3_600_000);
  return cluster;
}

const whereabouts = (cluster: SimCluster) =>
  ['leads', 'follows'].map((id) => {
    const domain = cluster.world.domain(id);
    return domain && cluster.world.hostsRunning(domain)[0]?.id;
  });

test.each([0, 1, 3])('a VM follows its group although its migration fails %i times', (times) => {
  const cluster = failing(times);
  expect(whereabouts(cluster)).toEqual(['h1', 'h1']);
  expect(cluster.failedMoves).toBe(times);
});

test('and stays, apart from it, when that fails again and again', () => {
  const cluster = failing(99);
  expect(new Set(whereabouts(cluster)).size).toBe(2);
  expect(cluster.failedMoves).toBe(6);
});

test('and stays when an operator aborts its migration', () => {
  const cluster = pulledAway();
  const isGoing = () =>
    [...(cluster.host('h0').state?.settlements.values() ?? [])].some(
      ({ domain, phase }) => domain === 'follows' && phase === 'migrating',
    );
  for (let tenth = 1; !isGoing() && tenth < 6_000; tenth++) cluster.runUntil(tenth * 100);
  expect(isGoing()).toBe(true);
  cluster.host('h0').order({ order: 'abort-migration', domain: 'follows' as DomainId });
  cluster.runUntil(2 * 3_600_000);
  expect(whereabouts(cluster)).toEqual(['h1', 'h0']);
  expect(cluster.failedMoves).toBe(1);
});

test('and stays when its policy was changed meanwhile, of which its holder does not know', () => {
  const cluster = pulledAway();
  const migrating = () =>
    [...(cluster.host('h0').state?.settlements.values() ?? [])].find(
      ({ domain, phase }) => domain === 'follows' && phase === 'migrating',
    );
  cluster.world.failNext({ kind: 'broken', fraction: 0.5, detail: 'the way was cut' }, 'follows');
  for (let tenth = 1; migrating() === undefined && tenth < 6_000; tenth++)
    cluster.runUntil(tenth * 100);
  expect(migrating()).toBeDefined();
  cluster.world.redefine('follows', { policy: { keepTogether: 'pair', keepApart: 'pulls' } });
  for (let tenth = 0; migrating() !== undefined && tenth < 600; tenth++)
    cluster.runUntil(cluster.world.nowMs() + 100);
  expect(cluster.failedMoves).toBe(1);
  const { homes } = cluster.host('h0').state ?? {};
  expect(homes?.get('follows' as DomainId)?.holder, 'the claim came home').toBe('h0');
});
