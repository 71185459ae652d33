/**
 * What seldom happens by chance and hurts most when it does: a domain is started anew while an acceptance that takes
 * it is on its way, so that its claim is another one when the proposer decides; a domain goes on from where it has just
 * arrived while the agent of its old home, which has not seen that, is down; a host that has promised room starts again
 * at another time, and so does one that has just recorded a deal; a refusal arrives after the consent to a later copy
 * of the question; and an administrator moves a domain before it migrates, while its home, which has promised that
 * already, is down and cannot see whose doing that was; and then on to where it was to migrate.
 */

import type { HostEffect, HostId, Message, SettlementId } from '@barter/core';
import type { WorldDomain } from '@barter/sim';
import { streams } from '../plan.ts';
import type { Checker, Injector, Scene } from '../scene.ts';

/** Long enough for the proposer's hypervisor to tell of both, short enough for its proposal to be open still. */
const restartMs = 150;
const lateMs = 500;
/** Longer than any lease, and longer than ended deals are remembered. */
const setMs = 100_000;
const setFarMs = 150_000;
/** Nobody moves a domain on later than this. */
const movedOnMs = 60_000;

export function badMoments(scene: Scene): Injector & Readonly<{ watch: Checker }> {
  const { world, plan, hosts, facts, cluster } = scene;
  const { restartAtAccept, goneUnseen, setWhileAsking, lateRefusals, setWhenDone } = plan.faults;
  const { movedFirst, movedOn } = plan.faults;
  const random = scene.random(streams.badMoments);
  /** Drawn apart, so that everything else goes as it would without. */
  const hands = scene.random(streams.hands);
  const handsAgain = scene.random(streams.handsAgain);
  /** Domains that were moved away between being called and being migrated, and the home that does not know. */
  const gone = new Map<string, HostId>();
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

  const startAgainAtAnotherTime = (id: HostId, byMs: number) => {
    const host = cluster.host(id);
    world.at(world.nowMs(), () => {
      if (isOver || host.state === undefined) return;
      host.clock.wallSkewMs += random.next() < 0.7 ? byMs : -byMs;
      scene.fault('clock is set', `the clock of ${id} is set, and its agent starts again`);
      scene.crash(host);
    });
  };

  /** The peer does not hear that its decision is recorded, and asks again when the deal is long past by the new clock. */
  const forgetful = (responder: HostId, to: HostId) => {
    if (!cluster.network.connected(responder, to)) return;
    cluster.network.cut(responder, to, true);
    world.at(world.nowMs() + lateMs, () => cluster.network.cut(responder, to, false));
    startAgainAtAnotherTime(responder, setFarMs);
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

  const moveByHand = (domain: WorldDomain, from: HostId, to: HostId) => {
    scene.fault('administrator moves', `an administrator moves ${domain.id} from ${from} to ${to}`);
    facts.handle(domain.id, world.nowMs());
    world.startOn(domain.id, to);
  };

  const crashUnknowing = (id: HostId, text: string) => {
    const host = cluster.host(id);
    if (host.state === undefined) return;
    scene.fault('crash when moved first', `${id} crashes before it hears that ${text}`);
    scene.crash(host);
  };

  const moveFirst = (domain: WorldDomain, home: HostId, holder: HostId) => {
    if (isOver || !runsOn(domain, home) || !world.host(home).reachable) return;
    const third = hosts.find(({ id }) => id !== home && id !== holder && hasRoom(id, domain));
    if (third === undefined) return;
    moveByHand(domain, home, third.id);
    gone.set(domain.id, home);
  };

  /** As soon as the one that had called it keeps no room for it any more, while its old home is still down. */
  const moveOn = (domain: WorldDomain, home: HostId, holder: HostId, untilMs: number) => {
    const { state } = cluster.host(holder);
    const [third] = world.hostsRunning(domain);
    const isTooLate = isOver || world.nowMs() > untilMs || third === undefined;
    if (isTooLate || [home, holder].includes(third.id) || cluster.host(home).state !== undefined)
      return;
    const isAwaited =
      state === undefined ||
      [...state.reservations.values()].some((reservation) => reservation.domain === domain.id);
    if (isAwaited || !runsOn(domain, third.id) || !third.reachable || !hasRoom(holder, domain))
      world.at(world.nowMs() + 500, () => moveOn(domain, home, holder, untilMs));
    else moveByHand(domain, third.id, holder);
  };

  const byHand = (host: HostId, effect: HostEffect) => {
    if (effect.kind === 'send' && effect.message.kind === 'settle') {
      const domain = world.domain(effect.message.domain);
      if (domain === undefined || movedFirst === 0 || hands.next() >= movedFirst) return;
      world.at(world.nowMs(), () => moveFirst(domain, effect.to, host));
    } else if (effect.kind === 'migrate' && gone.get(effect.order.domain) === host) {
      const { domain: id, target } = effect.order;
      gone.delete(id);
      const domain = world.domain(id);
      const isMovedOn = handsAgain.next() < movedOn;
      world.at(world.nowMs(), () => {
        if (isOver) return;
        crashUnknowing(host, `${id} is gone`);
        if (domain !== undefined && isMovedOn)
          moveOn(domain, host, target, world.nowMs() + movedOnMs);
      });
    }
  };

  return {
    watch: {
      name: 'bad moments',
      onEffect(host, effect) {
        if (isOver) return;
        byHand(host, effect);
        if (effect.kind !== 'send') return;
        const { message, to } = effect;
        if (message.kind === 'accept' && restartAtAccept > 0 && random.next() < restartAtAccept)
          disturb(host, effect);
        if (message.kind === 'settle' && setWhileAsking > 0 && random.next() < setWhileAsking)
          startAgainAtAnotherTime(host, setMs);
        if (message.kind === 'acknowledge' && setWhenDone > 0 && random.next() < setWhenDone)
          forgetful(host, to);
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
