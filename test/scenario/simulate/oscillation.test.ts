import { type Cluster, parseCluster, simulate } from '@barter/sim';
import { describe, expect, test } from 'vitest';
import { tell } from '../story.ts';

/**
 * Load that comes and goes within one payback time (an hour) must not move anything, whatever it is
 * made of; load that comes and stays must.
 */

const GiB = 2 ** 30;
const hours = 4;

type Change = Readonly<{ traffic?: readonly object[]; domains?: readonly object[] }>;

/** Two hosts with two VMs each. The load is off at first, then on and off for half a period each. */
function cluster(on: Change, off: Change, periodSeconds: number): Cluster {
  const timeline: object[] = [];
  for (let half = 1; (half * periodSeconds) / 2 < hours * 3600; half++)
    timeline.push({ atSeconds: (half * periodSeconds) / 2, ...(half % 2 === 1 ? on : off) });
  // Ends as it began.
  timeline.push({ atSeconds: hours * 3600, ...off });
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: ['h1', 'h2'].map((id) => ({
      id,
      memoryBytes: 16 * GiB,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
    })),
    domains: ['a', 'b', 'c', 'd'].map((id, index) => ({
      id,
      host: index < 2 ? 'h1' : 'h2',
      memoryBytes: 2 * GiB,
      vcpus: 4,
      cpu: 0.5,
    })),
    traffic: [{ a: 'a', b: 'b', bitsPerSecond: 20e6 }],
    timeline,
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

const pair = (a: string, b: string, bitsPerSecond: number) => ({ a, b, bitsPerSecond });

const loads: readonly (readonly [string, Change, Change])[] = [
  [
    'a VM that talks to another one elsewhere now and then',
    { traffic: [pair('a', 'c', 300e6)] },
    { traffic: [pair('a', 'c', 0)] },
  ],
  [
    'a VM that talks to one and the other by turns',
    { traffic: [pair('a', 'b', 0), pair('a', 'c', 300e6)] },
    { traffic: [pair('a', 'b', 300e6), pair('a', 'c', 0)] },
  ],
  [
    'an uplink that is overloaded now and then',
    { traffic: [pair('a', 'external', 600e6), pair('b', 'external', 500e6)] },
    { traffic: [pair('a', 'external', 1e6), pair('b', 'external', 1e6)] },
  ],
  [
    'a host whose CPUs are overloaded now and then',
    { domains: ['a', 'b'].map((id) => ({ id, cpu: 4 })) },
    { domains: ['a', 'b'].map((id) => ({ id, cpu: 0.5 })) },
  ],
];

describe.each(loads)('%s', (_name, on, off) => {
  test.each([300, 600, 1200, 1800, 3000, 3500])('every %i s: nothing moves', (periodSeconds) => {
    const result = simulate(cluster(on, off, periodSeconds));
    expect(result.migrations).toEqual([]);
    expect(result.quiet).toBe(true);
  });

  test('and then for good: it is acted upon, once', () => {
    // On at one hour, and on ever after.
    const lasting = cluster(on, on, 7200);
    const result = tell(lasting, {});
    expect(result.migrations.length).toBeGreaterThan(0);
    expect(result.migrations.length).toBeLessThanOrEqual(2);
    const seconds = result.migrations.map(({ atSeconds }) => atSeconds - 3600);
    expect(Math.min(...seconds), 'not before half of the payback time').toBeGreaterThan(1800);
    expect(Math.max(...seconds), 'and not much later').toBeLessThan(1.25 * 3600);
  });
});
