/** The orders that half-gains are compared with, on clusters small enough to see through. */

import { expect, test } from 'vitest';
import type { World } from '../../packages/core/src/model/cost.ts';
import {
  domainId,
  GIB,
  hostId,
  rate,
  host as worldHost,
} from '../../packages/core/test/support/world.ts';
import { halfGains } from './best-order.ts';

/** One rack. */
const distances = [0, 1];

/** Every domain has 1 GiB, and a host room for as many as it says. */
function worldOf(
  rooms: Readonly<Record<string, number>>,
  places: Readonly<Record<string, string>>,
  traffic: readonly (readonly [string, string, number])[],
): World {
  return {
    hosts: Object.entries(rooms).map(([id, count]) =>
      worldHost(id, [], { memoryLimitBytes: count * GIB }),
    ),
    domains: Object.entries(places).map(([id, at]) => ({
      domain: domainId(id),
      home: hostId(at),
      holder: hostId(at),
      traits: { memoryBytes: GIB, vcpus: 1, cpu: 0, migrationBytes: GIB },
    })),
    rates: traffic.map(([a, b, bitsPerSecond]) => rate(a, b, bitsPerSecond)),
  };
}

const migration = (domain: string, from: string, to: string) => ({
  domain: domainId(domain),
  from: hostId(from),
  to: hostId(to),
});

test('Who saw everything beforehand would have begun with what brings most', () => {
  const world = worldOf({ one: 4, two: 4 }, { web: 'one', db: 'two', log: 'one', disk: 'two' }, [
    ['web', 'db', 900],
    ['log', 'disk', 100],
  ]);
  const small = migration('log', 'one', 'two');
  const great = migration('web', 'one', 'two');
  expect(halfGains(world, distances, [small, great])).toEqual({
    taken: 0.1,
    planner: 0.9,
    bestWithRoom: 0.9,
    best: 0.9,
  });
  expect(halfGains(world, distances, [great, small])).toEqual({
    taken: 0.9,
    planner: 0.9,
    bestWithRoom: 0.9,
    best: 0.9,
  });
});

test('A planner waits for room; the best order does not', () => {
  const world = worldOf({ one: 2, two: 2 }, { web: 'one', db: 'two', log: 'two', disk: 'one' }, [
    ['web', 'db', 900],
    ['log', 'disk', 100],
  ]);
  const moves = [migration('log', 'two', 'one'), migration('web', 'one', 'two')];
  // Both hosts are full: nothing has room to begin with.
  expect(halfGains(world, distances, moves)).toEqual({
    taken: 0.1,
    planner: 0,
    bestWithRoom: 0.1,
    best: 0.9,
  });
});

test('With regard to room the best half makes room first, for what brings most', () => {
  const world = worldOf(
    { one: 4, two: 2, three: 4 },
    { web: 'one', db: 'two', guest: 'two', log: 'one', disk: 'three' },
    [
      ['web', 'db', 900],
      ['log', 'disk', 100],
      ['guest', 'disk', 10],
    ],
  );
  const moves = [
    migration('log', 'one', 'three'),
    migration('guest', 'two', 'three'),
    migration('web', 'one', 'two'),
  ];
  const { taken, planner, bestWithRoom, best } = halfGains(world, distances, moves);
  expect(taken).toBeCloseTo(110 / 1010);
  expect(planner).toBeCloseTo(110 / 1010);
  expect(bestWithRoom).toBeCloseTo(910 / 1010);
  expect(best).toBeCloseTo(1000 / 1010);
});

test('A pair that gains only together counts as a pair: the planner, who looks at one move, goes without', () => {
  const world = worldOf(
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
  const { taken, planner, bestWithRoom, best } = halfGains(world, distances, moves);
  expect(taken).toBeCloseTo(180 / 980);
  expect(planner).toBeCloseTo(180 / 980);
  expect(bestWithRoom).toBeCloseTo(800 / 980);
  expect(best).toBeCloseTo(800 / 980);
});
