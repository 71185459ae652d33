import type { PresetName } from '@barter/core';
import { type Cluster, replay, type SimulationResult } from '@barter/sim';
import { describe, expect, test } from 'vitest';
import { tell } from '../story.ts';
import { mixedCluster } from './mixed-cluster.ts';
import { movedTwice, movedTwiceForNothing } from './moved-twice.ts';

/**
 * What holds on every cluster on which nothing changes, whatever its hosts and VMs are like: each VM moves at most once,
 * also when every cooldown is over, and every step keeps every limit and rule.
 */

/** Long enough for every cooldown. */
const hoursLater = { atSeconds: 9_000, traffic: [], domains: [] };
/**
 * Numbers 7, 26, 98, 113 and 169 move VMs again where what has not come yet counts as above a limit; 68, 210, 218, 411 and
 * 554 where what was given back for want of room rests on a host that runs above its limit.
 */
const again = [26, 68, 83, 98, 113, 169, 210, 218, 411, 554];
const seeds = [...Array.from({ length: 22 }, (_, n) => n + 1), ...again];
/** Here a host runs above its limit, and nothing that has not moved yet finds room elsewhere. */
const mended: readonly number[] = [12];

function play(seed: number, preset: PresetName): SimulationResult {
  const cluster: Cluster = { ...mixedCluster(seed), timeline: [hoursLater] };
  const result = tell(cluster, { preset, seed, untilSeconds: 30_000 });
  expect(replay(cluster, result.migrations).problems).toEqual([]);
  const isMended = preset === 'default' && mended.includes(seed);
  expect(isMended ? movedTwiceForNothing(cluster, result) : movedTwice(result)).toEqual([]);
  expect(result.quiet).toBe(true);
  return result;
}

describe('clusters as people have them', () => {
  test.each(seeds)(
    'number %i: one move a VM at most, every limit and rule kept, quiet in the end',
    (seed) => {
      expect(play(seed, 'default').unsettled).toEqual([]);
    },
    60_000,
  );

  // The rules that count loads alone see the same: what rests on a host that is as it was stays there.
  test.each([
    ['threshold', 2],
    ['threshold', 12],
    ['threshold', 26],
    ['threshold', 45],
    ['aggregate', 12],
    ['cpu-balance', 3],
    ['affinity', 64],
    ['affinity', 83],
  ] as const)('under %s (number %i) as well', (preset, seed) => void play(seed, preset), 60_000);
});
