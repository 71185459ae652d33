/**
 * Every host's clock is off by its own amount from the start and drifts at its own rate; now and then somebody sets the
 * clock of a machine, either way. An agent does not see that while it runs, only when it starts again: so it often has to.
 */

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
  for (const { id, clock } of hosts) {
    clock.drift(epochMs + Math.floor(random.next() * dayMs));
    clock.onRestart = (byMs) => {
      scene.facts.jumped(id, world.nowMs(), byMs);
      scene.fault('restart at another time', `${id} starts ${byMs} ms from when it had been`);
    };
  }

  return {
    tick() {
      for (const { id, clock } of hosts) clock.drift(1000 * (drift.get(id) ?? 0));
      const host = hosts[random.below(hosts.length)];
      if (host === undefined || clockJumpEvery === 0 || random.next() >= 1 / clockJumpEvery) return;
      const byMs = Math.round((2 * random.next() - 1) * clockJumpMsMax);
      host.clock.wallSkewMs += byMs;
      scene.fault('clock is set', `somebody sets the clock of ${host.id} by ${byMs} ms`);
      if (random.next() < 0.5 && host.state !== undefined) scene.crash(host);
    },
    stop() {},
  };
}
