import { expect, test } from 'vitest';
import { readScenario, tell } from '../story.ts';

/**
 * Four groups of four VMs that talk among themselves only, spread over four hosts that hold five each. Two
 * of the groups keep three cores busy each VM, and the hosts have four: pair traffic is all that counts.
 */

test.each([1, 2, 3])(
  'every group finds itself on one host, each VM moving once (seed %i)',
  async (seed) => {
    const cluster = await readScenario(import.meta.dirname, 'four-groups');
    const result = tell(cluster, { preset: 'affinity', seed });
    expect(result.quiet).toBe(true);
    expect(result.initialCost).toBeGreaterThan(1e9);
    expect(result.finalCost).toBe(0);
    for (const group of ['a', 'b', 'c', 'd']) {
      const hosts = new Set([1, 2, 3, 4].map((number) => result.placement[`${group}${number}`]));
      expect(hosts.size, `hosts of group ${group}`).toBe(1);
    }
    expect(result.migrations, 'one of each group stays').toHaveLength(12);
  },
);
