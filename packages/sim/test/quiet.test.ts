import { expect, test } from 'vitest';
import { SimCluster } from '../src/cluster/cluster.ts';
import { defaultTiming } from '../src/cluster/host-config.ts';
import { QuietWatch } from '../src/simulate/quiet.ts';
import { parseCluster } from '../src/world/cluster-file.ts';
import { exampleDocument } from './example-cluster.ts';

test('a cluster is not quiet while it is still measuring', () => {
  const traffic = [{ a: 'vm0', b: 'vm1', bitsPerSecond: 300e6 }];
  const parsed = parseCluster({ ...exampleDocument(), traffic, timeline: [] });
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
