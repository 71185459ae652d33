/** Not a fault: the traffic changes now and then, so that there is always something to trade for. */

import { drawPulls, drawTraffic, streams } from '../plan.ts';
import type { Injector, Scene } from '../scene.ts';

export function load(scene: Scene): Injector {
  const { world, plan } = scene;
  const random = scene.random(streams.load);
  const together = scene.random(streams.togetherLoad);
  const names = world.domains.map(({ id }) => id);
  let traffic = plan.cluster.traffic;
  return {
    tick() {
      if (random.next() >= 1 / plan.loadChangesEvery) return;
      const next = [...drawTraffic(random, names), ...drawPulls(together, names, plan.together)];
      world.setTraffic([...traffic.map((pair) => ({ ...pair, bitsPerSecond: 0 })), ...next]);
      traffic = next;
      scene.trace.add('= the traffic changes');
    },
    stop() {},
  };
}
