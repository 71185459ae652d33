/**
 * What seldom happens by chance and hurts most when it does: a domain is started anew while an acceptance that takes
 * it is on its way, so that its claim is another one when the proposer decides; a domain goes on from where it has just
 * arrived while the agent of its old home, which has not seen that, is down; a host that has promised room starts again
 * at another time; and a refusal arrives after the consent to a later copy of the question.
 */

import type { HostEffect, HostId, Message, SettlementId } from '@barter/core';
import type { WorldDomain } from '@barter/sim';
import { streams } from '../plan.ts';
import type { Checker, Injector, Scene } from '../scene.ts';

/** Long enough for the proposer's hypervisor to tell of both, short enough for its proposal to be open still. */
const restartMs = 150;
const lateMs = 500;
/** Longer than any lease. */
const setMs = 100_000;

export function badMoments(scene: Scene): Injector & Readonly<{ watch: Checker }> {
  const { world, plan, hosts, facts, cluster } = scene;
  const { restartAtAccept, goneUnseen, setWhileAsking, lateRefusals } = plan.faults;
  const random = scene.random(streams.badMoments);
  /** Refusals that are on their way still. */
  const late = new Map<SettlementId, Readonly<{ to: HostId; message: Message }>>();
  let isOver = false;

  const hasRoom = (host: HostId, domain: WorldDomain) =>
    scene.isAlive(host) &&
    world.host(host).reachable &&
    scene.memoryUsed(host) + domain.memoryBytes <= world.host(host).capacity.memoryTransientBytes;

  const runsOn = (domain: WorldDomain, host: HostId) =>
    world.hostsRunning(domain).some(({ id }) => id === host) && domain.migration === undefined;

  const shutDown = (domain: WorldDomain, host: HostId, how: string) => {
    scene.fault('administrator stops', `an administrator shuts ${domain.id} on ${host} down${how}`);
    facts.handle(domain.id, world.nowMs());
    facts.nowhere.set(domain.id, 'an administrator shut it down');
    world.shutDown(domain.id);
  };

  const restart = (domain: WorldDomain, host: HostId) => {
    shutDown(domain, host, ' while its claim is being traded');
    world.at(world.nowMs() + restartMs, () => {
      if (world.hostsRunning(domain).length > 0 || !hasRoom(host, domain)) return;
      scene.fault('restart while traded', `an administrator starts ${domain.id} on ${host} again`);
      facts.handle(domain.id, world.nowMs());
      facts.nowhere.delete(domain.id);
      world.startOn(domain.id, host);
    });
  };

  /** The first copy of the acceptance is lost; a resend finds the claim changed. */
  const disturb = (responder: HostId, effect: HostEffect & { kind: 'send' }) => {
    const { to, message } = effect;
    if (message.kind !== 'accept' || !world.host(to).reachable) return;
    if (!cluster.network.connected(responder, to)) return;
    const domains = message.exchange.give.flatMap((id) => world.domain(id) ?? []);
    const here = domains.filter((domain) => runsOn(domain, to));
    const domain = here[random.below(Math.max(1, here.length))];
    if (domain === undefined) return;
    world.at(world.nowMs(), () => {
      if (!isOver && runsOn(domain, to) && world.host(to).reachable) restart(domain, to);
    });
    cluster.network.cut(responder, to, true);
    world.at(world.nowMs() + lateMs, () => cluster.network.cut(responder, to, false));
  };

  /** Nothing comes from this home for a moment, so that its holder asks again. */
  const delay = (home: HostId, to: HostId, message: Message & { kind: 'refuse' }) => {
    if (!cluster.network.connected(home, to)) return;
    late.set(message.settlement, { to, message });
    cluster.network.cut(home, to, true);
    world.at(world.nowMs() + lateMs, () => cluster.network.cut(home, to, false));
  };

  const arriveLate = (home: HostId, settlement: SettlementId) => {
    const refusal = late.get(settlement);
    if (refusal === undefined) return;
    late.delete(settlement);
    world.at(world.nowMs() + 100 + random.next() * 1_000, () => {
      if (isOver || !scene.isAlive(home)) return;
      scene.fault('late refusal', `a refusal of ${settlement} arrives after the consent`);
      cluster.network.deliver(home, refusal.to, refusal.message);
    });
  };

  const startAgainAtAnotherTime = (holder: HostId) => {
    const host = cluster.host(holder);
    world.at(world.nowMs(), () => {
      if (isOver || host.state === undefined) return;
      host.clock.wallSkewMs += random.next() < 0.7 ? setMs : -setMs;
      scene.fault('clock is set', `the clock of ${holder} is set, and its agent starts again`);
      scene.crash(host);
    });
  };

  const goOn = (domain: WorldDomain, from: HostId) => {
    if (isOver || !runsOn(domain, from) || !world.host(from).reachable) return;
    const next = hosts.find(({ id }) => id !== from && hasRoom(id, domain));
    if (next === undefined || random.next() < 0.7) {
      shutDown(domain, from, ' for good');
      return;
    }
    scene.fault('administrator moves', `an administrator moves ${domain.id} on to ${next.id}`);
    facts.handle(domain.id, world.nowMs());
    world.startOn(domain.id, next.id);
  };

  return {
    watch: {
      name: 'bad moments',
      onEffect(host, effect) {
        if (isOver || effect.kind !== 'send') return;
        const { message, to } = effect;
        if (message.kind === 'accept' && restartAtAccept > 0 && random.next() < restartAtAccept)
          disturb(host, effect);
        if (message.kind === 'settle' && setWhileAsking > 0 && random.next() < setWhileAsking)
          startAgainAtAnotherTime(host);
        if (message.kind === 'refuse' && lateRefusals > 0 && random.next() < lateRefusals)
          delay(host, to, message);
        if (message.kind === 'settling') arriveLate(host, message.settlement);
      },
      onWorld(event) {
        if (isOver || goneUnseen === 0 || event.kind !== 'migration-ended' || !event.moved) return;
        if (random.next() >= goneUnseen) return;
        const source = cluster.host(event.host);
        const domain = world.domain(event.domain);
        world.at(world.nowMs(), () => {
          if (isOver || source.state === undefined || domain === undefined) return;
          scene.fault('crash before hearing', `${source.id} crashes before it hears of the end`);
          scene.crash(source);
          // Measured where it is by then.
          world.at(world.nowMs() + 300 + random.next() * 3_000, () => goOn(domain, event.target));
        });
      },
    },
    tick() {},
    stop() {
      isOver = true;
    },
  };
}
