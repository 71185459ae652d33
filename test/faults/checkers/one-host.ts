/**
 * Every domain runs on exactly one host; on none only because an administrator shut it down, its host vanished,
 * or libvirt left it paused when it died in a migration. A paused copy is resumed by an agent only if the domain
 * has not run anywhere else since, and in the end nothing of it is left where it does not run.
 */

import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

export function oneHost(scene: Scene): Checker {
  const { world, facts } = scene;
  const name = 'one-host';
  /** Where each domain last ran: a copy that is paused anywhere else is of the past. */
  const lastRan = new Map<string, string>();
  for (const host of world.hosts) for (const { id } of host.running) lastRan.set(id, host.id);

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
      if (event.kind === 'resumed' && lastRan.get(event.domain) !== event.host)
        throw new Violation(
          name,
          [event.domain],
          `${event.host} resumes a copy of ${event.domain}, which has run on ${lastRan.get(event.domain)} since`,
        );
      if (event.kind !== 'started') return;
      lastRan.set(event.domain, event.host);
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
    end() {
      look();
      for (const host of world.hosts) {
        if (!scene.isAlive(host.id)) continue;
        for (const { id } of host.paused)
          throw new Violation(name, [id], `a paused copy of ${id} is left on ${host.id}`);
        for (const domain of host.shutOff)
          if (world.hostsRunning(domain).length > 0)
            throw new Violation(
              name,
              [domain.id],
              `the definition of ${domain.id} is left on ${host.id}, where it does not run`,
            );
      }
    },
  };
}
