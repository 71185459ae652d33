/**
 * Libvirt fails, hangs, succeeds without saying so, and dies in every phase of a migration: at the beginning and
 * in the middle because its host's libvirt dies at some time, and at the end because it is told to (see
 * `hardship.ts`). It comes back after a while. What agents cannot decide (a copy whose other host is gone, or does not know)
 * an operator decides, much later.
 */

import type { HostEffect } from '@barter/core';
import {
  discardPaused,
  type MigrationFault,
  resumePaused,
  type SimHost,
  type WorldDomain,
  type WorldHost,
} from '@barter/sim';
import { streams } from '../plan.ts';
import type { Checker, Injector, Scene } from '../scene.ts';

/** For so long a migration stands still before whoever watches it aborts it. */
const noProgressMs = 20_000;
/** Agents have decided long before, unless they cannot. */
const operatorLooksAfterMs = 80_000;
/** Before somebody says that the target is gone for ever (`vanishing.ts`). */
const wordAfterMs = 10_000;

export function libvirt(scene: Scene): Injector & Readonly<{ watch: Checker; operate(): void }> {
  const { world, plan, hosts, facts } = scene;
  const { libvirtDiesEvery, migrationFault, resumedByHand } = plan.faults;
  const random = scene.random(streams.libvirt);
  const leftAtMs = new Map<string, number>();
  const lastRan = new Map<string, string>();
  /** Domains whose copy at the target waits for an order that was never given. */
  const inVain = new Set<string>();
  const words = new Map<string, boolean>();
  let isOver = false;

  const drawFault = (): MigrationFault => {
    const detail = 'a fault was injected';
    switch (random.below(9)) {
      case 0:
        return { kind: 'refused', code: 'refused', detail };
      case 1:
        return { kind: 'broken', fraction: random.next(), detail };
      case 2:
        return { kind: 'hang', fraction: random.next() };
      case 3:
        return { kind: 'moved-unseen', detail };
      case 4:
        return { kind: 'stayed-unseen', detail };
      case 5:
        return {
          kind: 'libvirt-died',
          side: 'source',
          handedOver: true,
          ...(random.next() < 0.3 ? { leaves: 'definition' as const } : {}),
        };
      case 6:
        return { kind: 'libvirt-died', side: 'source', handedOver: false, ...drawWaiting() };
      default:
        return { kind: 'libvirt-died', side: 'target', handedOver: random.next() < 0.5 };
    }
  };

  /** What the target has of it waits to be told to run: in vain, or the order is under way still. */
  const drawWaiting = () => {
    const drawn = random.next();
    if (drawn < 0.3) return {};
    return { waits: { orderAfterMs: drawn < 0.5 ? null : random.next() * 30_000 } };
  };

  const disturb = (effect: HostEffect & { kind: 'migrate' }) => {
    const { domain } = effect.order;
    const fault = drawFault();
    const where = fault.kind === 'libvirt-died' ? ` at the ${fault.side}` : '';
    const how = fault.kind === 'libvirt-died' && fault.handedOver ? ' after handing over' : '';
    scene.fault(`migration: ${fault.kind}${where}${how}`, `${domain}: ${fault.kind}${where}${how}`);
    world.failNext(fault, domain);
    if (fault.kind === 'libvirt-died' && fault.waits?.orderAfterMs === null) inVain.add(domain);
    else inVain.delete(domain);
  };

  /** An administrator finds the copy paused at the source before anybody has decided. Nothing else runs it, or will. */
  const resumeByHand = () => {
    for (const id of inVain) {
      // The last one: an earlier copy may wait on another host still.
      const waiting = [...(world.domain(id)?.waiting.values() ?? [])].at(-1);
      if (waiting === undefined || random.next() >= resumedByHand) continue;
      if (!resumePaused(world, waiting.domain, waiting.source)) continue;
      scene.fault(
        'administrator resumes',
        `an administrator resumes ${id} on ${waiting.source.id}`,
      );
      facts.handle(id, world.nowMs());
      facts.resumedByHand.set(waiting.settlement, world.nowMs());
      inVain.delete(id);
    }
  };

  /** Nothing gets on any more: whoever watches the progress gives up after a while. */
  const giveUp = () => {
    for (const { id, migration } of world.domains) {
      const untilMs = scene.getsOnUntilMs(id) ?? Infinity;
      if (migration === undefined || world.nowMs() - untilMs < noProgressMs) continue;
      scene.trace.add(`! the migration of ${id} gets on no more and is aborted`);
      world.abortMigration(migration.source.id, id);
    }
  };

  const comesBack = (host: WorldHost) =>
    world.at(world.nowMs() + (isOver ? 1 : 1000 + random.next() * 20_000), () => {
      if (scene.isAlive(host.id)) world.setReachable(host.id, true);
    });

  /** Whether what an operator is to decide has been left for long enough that one has looked. */
  const isLookedAt = (key: string): boolean => {
    const sinceMs = leftAtMs.get(key) ?? world.nowMs();
    leftAtMs.set(key, sinceMs);
    return world.nowMs() - sinceMs > operatorLooksAfterMs;
  };

  /** What waits for an order that never comes: an operator ends it. */
  const endWaiting = (domain: WorldDomain, host: WorldHost) => {
    const waiting = domain.waiting.get(host);
    if (waiting === undefined || !host.reachable) return;
    if (!scene.waitsForOperator(waiting.source.id, host.id, domain.id)) return;
    const key = `${domain.id} waits on ${host.id}`;
    if (!isLookedAt(key)) return;
    scene.fault(
      'operator ends what waits',
      `an operator ends the copy of ${domain.id} on ${host.id}`,
    );
    world.refuseArrival(host.id, waiting.settlement, domain.id);
    leftAtMs.delete(key);
  };

  /** The agent waits for somebody's word that the domain does not run at its target and never did, and that is true. */
  const giveWord = (waiting: WorldDomain, { id: hostId }: WorldHost): void => {
    const { id } = waiting;
    if (world.hosts.some((other) => scene.isAlive(other.id) && other.arriving.has(waiting))) return;
    const host = scene.cluster.host(hostId);
    for (const held of host.state?.settlements.values() ?? []) {
      const { settlement, domain, to, phase, unresolvedSinceMs } = held;
      if (domain !== id || phase !== 'resolving' || unresolvedSinceMs === null) continue;
      if (host.clock.nowMs() - unresolvedSinceMs < wordAfterMs) continue;
      if ((lastRan.get(id) ?? hostId) !== hostId) continue;
      // Another operator would say that the target is gone for ever, or do it by hand.
      const isGiven = words.get(settlement) ?? random.next() < 0.5;
      words.set(settlement, isGiven);
      if (!isGiven) continue;
      host.order({ order: 'let-run-on', domain, target: to });
      if (!host.state?.settlements.get(settlement)?.vouched) continue;
      facts.resumedByHand.set(settlement, world.nowMs());
      scene.fault(
        'operator gives a word',
        `an operator says on ${hostId} that ${id} never ran on ${to}`,
      );
    }
  };

  const resolvePaused = (domain: WorldDomain, host: WorldHost) => {
    const arriving = world.hosts.some((other) => other.arriving.has(domain));
    if (arriving || !host.reachable) return;
    // Of several copies the one where it ran last is the domain.
    const isLatest = !world.hosts.some(
      (other) => other !== host && other.paused.has(domain) && lastRan.get(domain.id) === other.id,
    );
    if (isLatest && resumePaused(world, domain, host)) {
      facts.count('operator resumes');
      scene.trace.add(`! an operator resumes ${domain.id} on ${host.id}`);
      facts.handle(domain.id, world.nowMs());
    } else if (discardPaused(world, domain, host)) {
      facts.count('operator discards');
      scene.trace.add(`! an operator throws the paused copy of ${domain.id} on ${host.id} away`);
    } else return;
    leftAtMs.delete(`${domain.id} ${host.id}`);
  };

  return {
    watch: {
      name: 'libvirt',
      onEffect(_host, effect) {
        if (isOver || effect.kind !== 'migrate' || migrationFault === 0) return;
        if (random.next() < migrationFault) disturb(effect);
      },
      onWorld(event) {
        if (event.kind === 'started') lastRan.set(event.domain, event.host);
        if (event.kind === 'resumed') facts.count('left paused, and an agent resumes it');
        if (event.kind !== 'reachable' || event.reachable) return;
        comesBack(world.host(event.host));
        // A host in trouble seldom loses one process only.
        const host = scene.cluster.host(event.host);
        if (isOver || host.state === undefined || random.next() >= 0.4) return;
        world.at(world.nowMs() + random.next() * 2_000, () => {
          if (isOver || host.state === undefined) return;
          scene.fault('crash with libvirt', `${host.id} crashes after its libvirt`);
          scene.crash(host);
        });
      },
    },
    tick() {
      if (resumedByHand > 0) resumeByHand();
      if (libvirtDiesEvery === 0 || random.next() >= 1 / libvirtDiesEvery) return;
      const host = hosts[random.below(hosts.length)] as SimHost;
      if (!scene.isAlive(host.id)) return;
      scene.fault('libvirt dies', `libvirt on ${host.id} dies`);
      world.setReachable(host.id, false);
    },
    /** Also after the faults: an alarm waits for somebody who looks. */
    operate() {
      giveUp();
      for (const host of world.hosts) {
        for (const domain of [...host.arriving]) endWaiting(domain, host);
        for (const domain of [...host.paused]) giveWord(domain, host);
        for (const domain of [...host.paused])
          if (isLookedAt(`${domain.id} ${host.id}`)) resolvePaused(domain, host);
      }
    },
    stop() {
      isOver = true;
      world.failNoMore();
      for (const host of world.hosts) if (scene.isAlive(host.id)) world.setReachable(host.id, true);
    },
  };
}
