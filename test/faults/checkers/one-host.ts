/**
 * Every domain runs on exactly one host; on none only because an administrator shut it down, its host vanished,
 * or libvirt left it paused when it died in a migration.
 */

import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

export function oneHost(scene: Scene): Checker {
  const { world, facts } = scene;
  const name = 'one-host';
  const look = () => {
    for (const domain of world.domains) {
      if (world.hostsRunning(domain).length > 0) continue;
      if (facts.nowhere.has(domain.id)) continue;
      if (world.hosts.some(({ paused }) => paused.has(domain))) continue;
      throw new Violation(name, [domain.id], `${domain.id} runs nowhere, and nobody took it away`);
    }
  };
  return {
    name,
    onWorld(event) {
      if (event.kind !== 'started') return;
      const domain = world.domain(event.domain);
      const running = domain === undefined ? [] : world.hostsRunning(domain);
      if (running.length > 1)
        throw new Violation(
          name,
          [event.domain],
          `${event.domain} runs on ${running.map(({ id }) => id).join(' and ')}`,
        );
    },
    look,
    end: look,
  };
}
