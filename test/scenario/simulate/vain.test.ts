import { type Cluster, parseCluster, SimCluster } from '@barter/sim';
import { expect, test } from 'vitest';

/** What a cluster does where there is something to wish for and nothing to be had. */

const GiB = 2 ** 30;

/** Two hosts that are full to the last byte; either has a VM that had better be on the other one. */
function full(): Cluster {
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: ['h1', 'h2'].map((id) => ({
      id,
      memoryBytes: 4 * GiB,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
    })),
    domains: ['a', 'b', 'c', 'd'].map((id, index) => ({
      id,
      host: index < 2 ? 'h1' : 'h2',
      memoryBytes: 2 * GiB,
      vcpus: 1,
      cpu: 0.1,
    })),
    traffic: [{ a: 'a', b: 'c', bitsPerSecond: 300e6 }],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

test('two hosts of which one has asked the other in vain leave each other alone, both of them', () => {
  const proposedAtMs: number[] = [];
  const sim = new SimCluster(full(), { preset: 'affinity' });
  sim.network.onArrival = (_from, _to, { kind }) => {
    if (kind === 'propose') proposedAtMs.push(sim.world.nowMs());
  };
  sim.runUntil(3_600_000);
  const [first = 0, second = 0, third = 0] = proposedAtMs;
  expect(second - first).toBeGreaterThan(85_000);
  expect(third - second).toBeGreaterThan(500_000);
});
