/**
 * No ping-pong: a domain that Barter has moved stays for its cooldown, by the clock of the host it is on, before
 * Barter moves it again.
 */

import type { HostId } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

/** Clocks drift by this share at most. */
const driftMax = 0.06;

export function pingPong(scene: Scene): Checker {
  const name = 'ping-pong';
  const { world, facts, plan } = scene;
  const arrived = new Map<string, { host: HostId; from: HostId; atMs: number; handled: number }>();
  const handledCount = (domain: string) => facts.handled.get(domain)?.count ?? 0;
  return {
    name,
    onWorld(event) {
      if (event.kind === 'migration-ended' && event.moved)
        arrived.set(event.domain, {
          host: event.target,
          from: event.host,
          atMs: event.atMs,
          handled: handledCount(event.domain),
        });
      if (event.kind !== 'migration-started') return;
      const last = arrived.get(event.domain);
      // What an administrator moved meanwhile is a new fact.
      if (last === undefined || last.handled !== handledCount(event.domain)) return;
      const stayedMs = world.nowMs() - last.atMs + facts.forwardMs(last.host, last.atMs);
      if (stayedMs < (1 - driftMax) * (plan.timing.cooldownMs ?? 0))
        throw new Violation(
          name,
          [event.domain],
          `${event.domain} came to ${last.host} from ${last.from} ${Math.round(stayedMs)} ms ago and migrates on to ${event.target}`,
        );
    },
  };
}
