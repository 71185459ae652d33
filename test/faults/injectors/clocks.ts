/** Every host's clock is off by its own amount from the start, drifts at its own rate, and jumps now and then, both ways. */

import { streams } from '../plan.ts';
import type { Injector, Scene } from '../scene.ts';

/** Some day; far enough from zero that no jump leads before the beginning of time. */
const epochMs = 1_700_000_000_000;
const dayMs = 86_400_000;

export function clocks(scene: Scene): Injector {
  const { plan, hosts, world } = scene;
  const { clockJumpEvery, clockJumpMsMax, driftMax } = plan.faults;
  const random = scene.random(streams.clocks);
  const drift = new Map(hosts.map(({ id }) => [id, (2 * random.next() - 1) * driftMax]));
  for (const { clock } of hosts) clock.skewMs = epochMs + Math.floor(random.next() * dayMs);

  return {
    tick() {
      for (const { id, clock } of hosts) clock.skewMs += 1000 * (drift.get(id) ?? 0);
      const host = hosts[random.below(hosts.length)];
      if (host === undefined || clockJumpEvery === 0 || random.next() >= 1 / clockJumpEvery) return;
      const byMs = Math.round((2 * random.next() - 1) * clockJumpMsMax);
      host.clock.skewMs += byMs;
      scene.facts.jumped(host.id, world.nowMs(), byMs);
      scene.fault('clock jump', `the clock of ${host.id} jumps by ${byMs} ms`);
    },
    stop() {},
  };
}
