import type { PresetName } from '@barter/core';
import { parseCluster, SimCluster } from '@barter/sim';
import { describe, expect, test } from 'vitest';

/**
 * Two hosts are full, a third one is empty, and a pair that talks is on the full ones. Neither of the two can
 * come to the other, and no exchange between two hosts gains anything: real guests were stuck like this.
 */

const GiB = 1024 ** 3;
const at = { vm1: 'h1', vm2: 'h1', vm5: 'h1', vm3: 'h2', vm4: 'h2', vm6: 'h2' } as const;

function stuck(rooms: number, talking: boolean, preset: PresetName = 'default'): SimCluster {
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: ['h0', 'h1', 'h2'].map((id) => ({
      id,
      memoryBytes: (id === 'h0' ? rooms : 3) * 2 * GiB,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
      location: [],
    })),
    domains: Object.entries(at).map(([id, host]) => ({
      id,
      host,
      memoryBytes: 2 * GiB,
      vcpus: 1,
      cpu: 0.1,
      dirtyBytesPerSecond: 1e6,
    })),
    traffic: [
      { a: 'vm1', b: 'vm2', bitsPerSecond: 80e6 },
      { a: 'vm3', b: 'vm4', bitsPerSecond: 80e6 },
      ...(talking ? [{ a: 'vm5', b: 'vm6', bitsPerSecond: 80e6 }] : []),
    ],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return new SimCluster(parsed.value, { seed: 7, preset, timing: { settleAfterMs: 10_000 } });
}

describe('a pair that has room on a third host only', () => {
  test.each(['default', 'affinity'] as const)('meets there (%s)', (preset) => {
    const cluster = stuck(3, true, preset);
    cluster.runUntil(600_000);
    expect(cluster.world.networkCost()).toBe(0);
    expect(cluster.moves.map(({ domain }) => domain).toSorted()).toEqual(['vm5', 'vm6']);
  });

  test('stays where it is when the third host has room for one of them only', () => {
    const cluster = stuck(1, true, 'affinity');
    cluster.runUntil(600_000);
    expect(cluster.deals).toEqual([]);
    expect(cluster.moves).toEqual([]);
  });

  test('and nobody goes to the empty host who has nobody to meet', () => {
    const cluster = stuck(3, false, 'affinity');
    cluster.runUntil(600_000);
    expect(cluster.deals).toEqual([]);
  });
});
