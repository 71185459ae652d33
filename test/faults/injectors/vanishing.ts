/** A host vanishes for ever, with everything that ran on it; an administrator may start some of that elsewhere. */

import type { SimHost } from '@barter/sim';
import { powerOff } from '@barter/sim';
import { streams } from '../plan.ts';
import type { Injector, Scene } from '../scene.ts';

export function vanishing(scene: Scene): Injector {
  const { world, plan, hosts, facts } = scene;
  const random = scene.random(streams.vanishing);
  const atSeconds = Array.from({ length: plan.faults.vanishing }, () =>
    Math.floor((0.2 + 0.8 * random.next()) * plan.faultySeconds),
  );
  let second = 0;

  const vanish = (host: SimHost) => {
    scene.fault('host vanishes', `${host.id} vanishes for ever`);
    facts.vanished.add(host.id);
    host.crash();
    const paused = [...world.host(host.id).paused];
    for (const domain of powerOff(world, world.host(host.id))) {
      facts.nowhere.set(domain.id, `${host.id} vanished with it`);
      if (random.next() < 0.5)
        world.at(world.nowMs() + 5_000 + random.next() * 30_000, () => revive(domain.id));
    }
    for (const domain of paused)
      if (world.hostsRunning(domain).length === 0)
        facts.nowhere.set(domain.id, `${host.id} vanished with its paused copy`);
  };

  const revive = (id: string) => {
    const domain = world.domain(id);
    if (domain === undefined || world.hostsRunning(domain).length > 0) return;
    const host = world.hosts.find(
      (one) =>
        one.reachable &&
        scene.memoryUsed(one.id) + domain.memoryBytes <= one.capacity.memoryTransientBytes,
    );
    if (host === undefined) return;
    scene.fault('administrator starts', `an administrator starts ${id} anew on ${host.id}`);
    facts.handle(id, world.nowMs());
    facts.nowhere.delete(id);
    world.startOn(id, host.id);
  };

  return {
    tick() {
      second++;
      if (atSeconds.includes(second)) vanish(hosts[random.below(hosts.length)] as SimHost);
    },
    stop() {},
  };
}
