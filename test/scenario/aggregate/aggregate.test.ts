import type { SimulationResult } from '@barter/sim';
import { expect, test } from 'vitest';
import { readScenario, tell } from '../story.ts';

/** Four hosts of eight cores and 32 GiB, four VMs of 2 GiB each: busy by day (1.4 cores), idle by night (0.2). */

function cpuAt(result: SimulationResult, seconds: number): readonly number[] {
  const point = result.series.findLast(({ atSeconds }) => atSeconds <= seconds);
  return Object.values(point?.hosts ?? {}).map(({ cpu }) => cpu);
}

test.each([1, 2])(
  'the night empties hosts, and the day fills them again (seed %i)',
  async (seed) => {
    const cluster = await readScenario(import.meta.dirname, 'night-and-day');
    const result = tell(cluster, { preset: 'aggregate', seed });
    expect(result.quiet).toBe(true);
    const night = cpuAt(result, 8900);
    expect(
      night.filter((cpu) => cpu > 0),
      'one host is enough for all VMs',
    ).toHaveLength(1);
    const day = cpuAt(result, 14_400);
    expect(Math.max(...day), 'nobody is above the watermark of 80 %').toBeLessThanOrEqual(6.4);
    const fallen = result.migrations.filter(({ atSeconds }) => atSeconds < 9000);
    expect(fallen, 'every VM moves at most once when the load falls').toHaveLength(12);
    expect(fallen.every(({ atSeconds }) => atSeconds > 1800)).toBe(true);
  },
);

test('a load that only all of them can carry is not packed', async () => {
  const cluster = await readScenario(import.meta.dirname, 'busy');
  const result = tell(cluster, { preset: 'aggregate' });
  expect(result.migrations).toEqual([]);
});
