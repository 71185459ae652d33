import { describe, expect, test } from 'vitest';
import { meanUplink, meanUplinkUnmoved, movesOf, readScenario, tell } from '../story.ts';

/**
 * The ancestor's rule on its set-up: two hosts, four VMs, 400 Mbit/s, 100 minutes each. VM 1 and VM 2
 * start on HVM 1, VM 3 and VM 4 on HVM 2.
 */

const threshold = 400e6;
const hosts = ['hvm1', 'hvm2'];

async function story(name: string, seed = 1) {
  const cluster = await readScenario(import.meta.dirname, name);
  const result = tell(cluster, { preset: 'threshold', seed });
  expect(result.quiet).toBe(true);
  return { cluster, result };
}

describe('the three scenarios of the thesis', () => {
  test.each([1, 2, 3])('load on HVM 1 only: a VM migrates once (seed %i)', async (seed) => {
    const { cluster, result } = await story('host-1-only', seed);
    expect(movesOf(result)).toEqual(['vm2: hvm1 → hvm2']);
    const at = result.migrations[0]?.atSeconds ?? 0;
    expect(at, 'within five minutes of the load').toBeLessThan(15 * 60);
    expect(at).toBeGreaterThan(10 * 60);
    expect(meanUplinkUnmoved(cluster, 'hvm1')).toBeGreaterThan(threshold);
    for (const host of hosts) expect(meanUplink(result, host)).toBeLessThan(threshold);
  });

  test.each([1, 2, 3])(
    'HVM 1 very high, HVM 2 in the swap band: a swap (seed %i)',
    async (seed) => {
      const { cluster, result } = await story('swap', seed);
      expect(result.migrations.map(({ to }) => to).sort(), 'one each way').toEqual(hosts);
      expect(result.deals, 'one deal, both ways').toBe(1);
      expect(new Set(result.migrations.map(({ deal }) => deal)).size).toBe(1);
      expect(meanUplinkUnmoved(cluster, 'hvm1')).toBeGreaterThan(threshold);
      for (const host of hosts) expect(meanUplink(result, host)).toBeLessThan(threshold);
    },
  );

  test.each([1, 2, 3])(
    'all load centred on VM 3: the others come to it (seed %i)',
    async (seed) => {
      const { cluster, result } = await story('centred-on-vm-3', seed);
      expect(result.migrations).toHaveLength(1);
      for (const host of hosts) {
        expect(meanUplinkUnmoved(cluster, host)).toBeGreaterThan(threshold);
        expect(meanUplink(result, host)).toBeLessThan(threshold);
      }
    },
  );
});

describe('the other rules', () => {
  test('both hosts below the threshold: nothing, however the load varies', async () => {
    const { result } = await story('below-threshold');
    expect(result.deals).toBe(0);
    expect(result.migrations).toEqual([]);
  });

  test('both hosts high: nothing can be gained, so nothing happens', async () => {
    const { cluster, result } = await story('both-high');
    for (const host of hosts) expect(meanUplinkUnmoved(cluster, host)).toBeGreaterThan(threshold);
    expect(result.migrations).toEqual([]);
  });

  test('the load falls on HVM 1 and rises on HVM 2: the VM comes back', async () => {
    const { result } = await story('load-falls');
    expect(movesOf(result)).toEqual(['vm2: hvm1 → hvm2', 'vm2: hvm2 → hvm1']);
    const [away, back] = result.migrations.map(({ atSeconds }) => atSeconds / 60);
    expect(away).toBeGreaterThan(10);
    expect(away).toBeLessThan(15);
    expect(back).toBeGreaterThan(60);
    expect(back).toBeLessThan(65);
    for (const host of hosts) expect(meanUplink(result, host)).toBeLessThan(threshold);
  });
});
