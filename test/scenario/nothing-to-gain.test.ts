/** Nothing measured, nothing moved: where no deal lowers the cost, agents leave everything as it is. */

import { whyNotTrading } from '@barter/core';
import { type Cluster, SimCluster } from '@barter/sim';
import { describe, expect, it } from 'vitest';
import { cluster, everybody, pairs } from './clusters.ts';

const tenMinutesMs = 600_000;

const calm: Record<string, () => Cluster> = {
  'nobody talks': () => cluster({ hosts: 4, perHost: 3, room: 6, traffic: [] }),
  'everybody talks to the outside only': () =>
    cluster({
      hosts: 4,
      perHost: 3,
      room: 6,
      traffic: Array.from({ length: 12 }, (_, index) => ({
        a: `vm${index}`,
        b: 'external',
        bitsPerSecond: 20e6,
      })),
    }),
  'all that talk share a host': () =>
    cluster({
      hosts: 4,
      perHost: 3,
      room: 6,
      traffic: pairs(
        [
          [0, 1],
          [3, 4],
          [6, 7],
          [9, 10],
        ],
        50e6,
      ),
    }),
  'everybody talks to everybody, and every host is full': () =>
    cluster({ hosts: 4, perHost: 3, room: 3, traffic: everybody(12, 10e6) }),
  'everybody talks to everybody, less than a move would cost': () =>
    cluster({ hosts: 4, perHost: 3, room: 6, traffic: everybody(12, 0.5e6) }),
};

describe('nothing to gain: ten minutes without one deal', () => {
  it.each(Object.entries(calm))('%s', (_name, build) => {
    const simulation = new SimCluster(build());
    const before = simulation.world.placement();
    simulation.runUntil(tenMinutesMs);
    expect(simulation.deals).toEqual([]);
    expect(simulation.moves).toEqual([]);
    expect(simulation.world.placement()).toEqual(before);
    // They could have: each host measures, and has heard of every other.
    for (const { state } of simulation.hosts) {
      if (state === undefined) throw new Error('an agent is down');
      expect(whyNotTrading(state, tenMinutesMs)).toBeNull();
      expect(state.directory.peers.size).toBe(3);
      expect(state.connected.size).toBe(3);
    }
  });

  it('and there would have been deals with one pair split', () => {
    const traffic = pairs([[0, 3]], 50e6);
    const simulation = new SimCluster(cluster({ hosts: 4, perHost: 3, room: 6, traffic }));
    simulation.runUntil(tenMinutesMs);
    expect(simulation.deals).toHaveLength(1);
    expect(simulation.moves).toHaveLength(1);
  });
});
