/**
 * A host vanishes for ever, with everything that ran on it; an administrator may start some of that elsewhere. Every
 * other one vanishes at a bad moment: a domain has just arrived there, and its old home's agent dies before it knows.
 * An operator who sees an agent wait for such a host tells it that the host is gone for ever, and takes away the
 * definition that is left there of what runs on a third host.
 */

import { type DomainId, settlementOf } from '@barter/core';
import type { SimHost } from '@barter/sim';
import { powerOff } from '@barter/sim';
import { streams } from '../plan.ts';
import type { Checker, Injector, Scene } from '../scene.ts';

/** How long an alarm waits for somebody who looks. */
const noticedMs = 15_000;

export function vanishing(scene: Scene): Injector & Readonly<{ watch: Checker; operate(): void }> {
  const { world, plan, hosts, facts } = scene;
  const random = scene.random(streams.vanishing);
  const atSeconds = Array.from({ length: plan.faults.vanishing }, () =>
    Math.floor((0.2 + 0.8 * random.next()) * plan.faultySeconds),
  );
  let second = 0;
  let isWaitingForBadMoment = false;
  /** What an operator has to look after, once the agent waits no more: the host that had it. */
  const leftAt = new Map<DomainId, SimHost>();

  const vanish = (host: SimHost) => {
    if (!scene.isAlive(host.id)) return;
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

  const lookAfter = () => {
    for (const [id, host] of leftAt) {
      if (host.state === undefined || settlementOf(host.state, id) !== undefined) continue;
      const domain = world.domain(id);
      const there = world.host(host.id);
      if (domain === undefined || !there.reachable || world.hostsRunning(domain).length === 0)
        continue;
      leftAt.delete(id);
      if (there.shutOff.delete(domain))
        scene.fault('operator undefines', `an operator undefines ${id} on ${host.id}`);
    }
  };

  return {
    /** Also after the faults. */
    operate() {
      if (plan.faults.operatorAway) return;
      for (const host of hosts)
        for (const { domain, to, unresolvedSinceMs } of host.state?.settlements.values() ?? []) {
          if (unresolvedSinceMs === null || scene.isAlive(to)) continue;
          if (host.clock.nowMs() - unresolvedSinceMs < noticedMs) continue;
          scene.fault(
            'operator orders',
            `an operator tells ${host.id} that ${to} is gone for ever`,
          );
          host.order({ order: 'target-gone', domain, target: to });
          leftAt.set(domain, host);
        }
      lookAfter();
    },
    tick() {
      second++;
      if (!atSeconds.includes(second)) return;
      if (random.next() < 0.5) isWaitingForBadMoment = true;
      else vanish(hosts[random.below(hosts.length)] as SimHost);
    },
    watch: {
      name: 'vanishing',
      onWorld(event) {
        if (!isWaitingForBadMoment || event.kind !== 'migration-ended' || !event.moved) return;
        isWaitingForBadMoment = false;
        const [source, target] = [scene.cluster.host(event.host), scene.cluster.host(event.target)];
        world.at(world.nowMs(), () => {
          if (source.state !== undefined) scene.crash(source);
          vanish(target);
        });
      },
    },
    stop() {
      isWaitingForBadMoment = false;
    },
  };
}
