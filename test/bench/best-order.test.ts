/** The orders that half-gains are compared with, on clusters small enough to see through. */

import { type Cluster, type Migration, parseCluster } from '@barter/sim';
import { expect, test } from 'vitest';
import { halfGains } from './best-order.ts';

const GiB = 2 ** 30;

/** One rack; every domain has 1 GiB, and a host room for as many as it says. */
function clusterOf(
  rooms: Readonly<Record<string, number>>,
  places: Readonly<Record<string, string>>,
  traffic: readonly (readonly [string, string, number])[],
): Cluster {
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: Object.entries(rooms).map(([id, count]) => ({
      id,
      memoryBytes: count * GiB,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
      location: [],
    })),
    domains: Object.entries(places).map(([id, host]) => ({ id, host, memoryBytes: GiB, vcpus: 1 })),
    traffic: traffic.map(([a, b, bitsPerSecond]) => ({ a, b, bitsPerSecond })),
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

const migration = (domain: string, from: string, to: string): Migration =>
  ({ domain, from, to }) as Migration;

test('Who saw everything beforehand would have begun with what brings most', () => {
  const cluster = clusterOf(
    { one: 4, two: 4 },
    { web: 'one', db: 'two', log: 'one', disk: 'two' },
    [
      ['web', 'db', 900],
      ['log', 'disk', 100],
    ],
  );
  const small = migration('log', 'one', 'two');
  const great = migration('web', 'one', 'two');
  expect(halfGains(cluster, [small, great])).toEqual({ taken: 0.1, planner: 0.9, best: 0.9 });
  expect(halfGains(cluster, [great, small])).toEqual({ taken: 0.9, planner: 0.9, best: 0.9 });
});

test('A planner waits for room; the best order does not', () => {
  const cluster = clusterOf(
    { one: 2, two: 2 },
    { web: 'one', db: 'two', log: 'two', disk: 'one' },
    [
      ['web', 'db', 900],
      ['log', 'disk', 100],
    ],
  );
  const moves = [migration('log', 'two', 'one'), migration('web', 'one', 'two')];
  // Both hosts are full: nothing has room to begin with.
  expect(halfGains(cluster, moves)).toEqual({ taken: 0.1, planner: 0, best: 0.9 });
});

test('A pair that gains only together counts as a pair: the planner, who looks at one move, goes without', () => {
  const cluster = clusterOf(
    { one: 8, two: 8 },
    { a: 'one', b: 'one', anchor: 'two', c: 'one', d: 'one', end: 'two' },
    [
      ['a', 'b', 500],
      ['b', 'anchor', 400],
      ['a', 'anchor', 400],
      ['c', 'end', 90],
      ['d', 'end', 90],
    ],
  );
  const moves = ['c', 'd', 'a', 'b'].map((domain) => migration(domain, 'one', 'two'));
  const { taken, planner, best } = halfGains(cluster, moves);
  expect(taken).toBeCloseTo(180 / 980);
  expect(planner).toBeCloseTo(180 / 980);
  expect(best).toBeCloseTo(800 / 980);
});
