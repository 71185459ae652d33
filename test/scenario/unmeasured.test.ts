/** A host whose hypervisor has just died waits: what it last saw may not be so any more. */

import { SimCluster } from '@barter/sim';
import { describe, expect, it } from 'vitest';
import { cluster, splitPairs } from './clusters.ts';

const host = 'h0';
/** Everybody has been measured by then, and trades from then on. */
const diesAtMs = 100_000;
/** Sooner than its last measurement would count as too old. */
const comesBackAtMs = 120_000;

function run(seed: number, dies: boolean) {
  const simulation = new SimCluster(
    cluster({ hosts: 3, perHost: 2, room: 3, traffic: splitPairs }),
    {
      seed,
      mode: 'observe',
    },
  );
  simulation.runUntil(diesAtMs);
  for (const each of simulation.hosts) each.order({ order: 'mode', mode: 'auto' });
  if (dies) simulation.world.setReachable(host, false);
  simulation.runUntil(comesBackAtMs);
  const meanwhile = simulation.deals.filter(
    ({ proposer, responder }) => proposer === host || responder === host,
  );
  return { simulation, meanwhile };
}

describe.each([1, 2, 3, 4, 5])('a host whose libvirt dies for 20 s (seed %i)', (seed) => {
  it('makes no deal while it is away', () => {
    // Otherwise it would have made one.
    expect(run(seed, false).meanwhile).not.toEqual([]);
    expect(run(seed, true).meanwhile).toEqual([]);
  });

  it('tells the others, who leave it alone', () => {
    const { simulation } = run(seed, true);
    for (const other of simulation.hosts.slice(1)) {
      const known = other.state?.directory.peers.get(simulation.host(host).id);
      expect(known?.summary.measured).toBe(false);
    }
  });

  it('trades again when it is back', () => {
    const { simulation } = run(seed, true);
    simulation.world.setReachable(host, true);
    const apart = () => simulation.world.networkCost() > 0 || !simulation.settled;
    expect(simulation.runWhile(apart, 900_000)).toBe(true);
  });
});
