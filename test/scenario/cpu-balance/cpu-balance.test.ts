import type { SimulationResult } from '@barter/sim';
import { expect, test } from 'vitest';
import { readScenario, tell } from '../story.ts';

/** Three hosts of eight cores, five VMs each. CPU load is all that counts. */

function loads(result: SimulationResult, seconds: number): readonly number[] {
  const point = result.series.findLast(({ atSeconds }) => atSeconds <= seconds);
  return Object.values(point?.hosts ?? {}).map(({ cpu }) => cpu);
}

test.each([1, 2, 3])('load rises on one host: it is spread over all (seed %i)', async (seed) => {
  const cluster = await readScenario(import.meta.dirname, 'load-rises');
  const result = tell(cluster, { preset: 'cpu-balance', seed });
  expect(result.quiet).toBe(true);
  expect(Math.max(...loads(result, 660)), 'one host is full').toBe(8);
  const after = loads(result, 3600);
  expect(Math.max(...after)).toBeLessThanOrEqual(5.2);
  expect(Math.min(...after)).toBeGreaterThanOrEqual(4);
  expect(result.migrations.length).toBeGreaterThan(0);
  expect(result.migrations.length).toBeLessThanOrEqual(5);
  const settledWithin = result.migrations.map(({ atSeconds }) => atSeconds - 600);
  expect(Math.max(...settledWithin), 'within five minutes').toBeLessThan(300);
});

test('a peak of a minute every five minutes moves nothing', async () => {
  const cluster = await readScenario(import.meta.dirname, 'short-peaks');
  const result = tell(cluster, { preset: 'cpu-balance' });
  expect(result.migrations).toEqual([]);
  expect(result.quiet).toBe(true);
});
