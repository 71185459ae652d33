import { expect, test } from 'vitest';
import { SimCluster } from '../src/cluster/cluster.ts';
import { defaultTiming } from '../src/cluster/host-config.ts';
import { QuietWatch } from '../src/simulate/quiet.ts';
import { parseCluster } from '../src/world/cluster-file.ts';

test('a cluster is not quiet while it is still measuring', () => {
  const GiB = 2 ** 30;
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: ['h1', 'h2'].map((id) => ({
      id,
      memoryBytes: 8 * GiB,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
    })),
    domains: ['a', 'b'].map((id, n) => ({
      id,
      host: `h${n + 1}`,
      memoryBytes: GiB,
      vcpus: 1,
      cpu: 0.1,
    })),
    traffic: [{ a: 'a', b: 'b', bitsPerSecond: 300e6 }],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  const smoothingSeconds = 600;
  const sim = new SimCluster(parsed.value, { smoothingSeconds });
  const watch = new QuietWatch(sim, defaultTiming);
  for (let second = 0; !watch.isQuiet(0); second++) {
    sim.runUntil(second * 1000);
    watch.look();
  }
  expect(sim.moves).toHaveLength(1);
  expect(watch.busyAtMs).toBeGreaterThan(1000 * smoothingSeconds);
});
