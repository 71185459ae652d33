/**
 * Administrators move, stop, start and redefine domains by hand, and give orders to agents, without a thought
 * for what Barter is doing. They respect what libvirt would refuse: memory that is not there, a libvirt that is down.
 */

import type { DomainId, HostId, Order } from '@barter/core';
import type { SimHost, WorldDomain } from '@barter/sim';
import { drawPolicy, streams } from '../plan.ts';
import type { Checker, Injector, Scene } from '../scene.ts';

export function administrators(scene: Scene): Injector & Readonly<{ watch: Checker }> {
  const { world, plan, hosts, facts } = scene;
  const { administratorEvery } = plan.faults;
  const random = scene.random(streams.administrators);

  let isOver = false;

  const drawDomain = (): WorldDomain => {
    // The most is to be disturbed where a claim is away from home.
    const away = hosts.flatMap(({ id }) =>
      scene
        .records(id)
        .all('home')
        .filter(({ holder }) => holder !== id)
        .map(({ domain }) => domain),
    );
    const drawn =
      away.length > 0 && random.next() < 0.6 ? away[random.below(away.length)] : undefined;
    const domain = drawn === undefined ? undefined : world.domain(drawn);
    return domain ?? (world.domains[random.below(world.domains.length)] as WorldDomain);
  };

  const hasRoom = (host: HostId, domain: WorldDomain) =>
    world.host(host).reachable &&
    scene.memoryUsed(host) + domain.memoryBytes <= world.host(host).capacity.memoryTransientBytes;

  const startSomewhere = (domain: WorldDomain, text: string) => {
    if (
      world.hostsRunning(domain).length > 0 ||
      world.hosts.some(({ paused }) => paused.has(domain))
    )
      return;
    const fitting = world.hosts.filter(({ id }) => scene.isAlive(id) && hasRoom(id, domain));
    const host = fitting[random.below(Math.max(1, fitting.length))];
    if (host === undefined) return;
    scene.fault('administrator starts', `${text} ${domain.id} on ${host.id}`);
    facts.handle(domain.id, world.nowMs());
    facts.nowhere.delete(domain.id);
    world.startOn(domain.id, host.id);
  };

  const move = (domain: WorldDomain) => {
    const [from] = world.hostsRunning(domain);
    const to = hosts[random.below(hosts.length)] as SimHost;
    if (from === undefined || !from.reachable || from.id === to.id || !hasRoom(to.id, domain))
      return;
    scene.fault(
      'administrator moves',
      `an administrator moves ${domain.id} from ${from.id} to ${to.id}`,
    );
    facts.handle(domain.id, world.nowMs());
    world.startOn(domain.id, to.id);
  };

  /** Nobody starts it again, and its old home dies before it knows that it had arrived. */
  const endForGood = (domain: WorldDomain, source: SimHost) => {
    const [host] = world.hostsRunning(domain);
    if (host === undefined || !host.reachable) return;
    scene.fault('administrator stops', `an administrator shuts ${domain.id} down for good`);
    facts.handle(domain.id, world.nowMs());
    facts.nowhere.set(domain.id, 'an administrator shut it down for good');
    world.shutDown(domain.id);
    if (source.state !== undefined) scene.crash(source);
  };

  const stopAndStart = (domain: WorldDomain) => {
    const [host] = world.hostsRunning(domain);
    if (host === undefined || !host.reachable) return;
    scene.fault('administrator stops', `an administrator shuts ${domain.id} on ${host.id} down`);
    facts.handle(domain.id, world.nowMs());
    facts.nowhere.set(domain.id, 'an administrator shut it down');
    world.shutDown(domain.id);
    if (random.next() < 0.2) return;
    world.at(world.nowMs() + 500 + random.next() * 20_000, () =>
      startSomewhere(domain, 'an administrator starts'),
    );
  };

  /** A rule that the domain would break where it is about to go: its group is there already. */
  const conflicting = (domain: WorldDomain, home: HostId) => {
    const holder = scene.records(home).get('home', domain.id)?.holder;
    if (holder === undefined || holder === home || random.next() < 0.5) return undefined;
    const other = [...world.host(holder).running].find(({ policy }) => policy.keepApart);
    return other?.policy.keepApart === undefined
      ? undefined
      : { keepApart: other.policy.keepApart };
  };

  const redefine = (domain: WorldDomain) => {
    const [host] = world.hostsRunning(domain);
    if (host === undefined || !host.reachable) return;
    const policy = conflicting(domain, host.id) ?? drawPolicy(random, hosts.length, host.index);
    const blocked = random.next() < 0.15 ? 'an administrator attached a device' : null;
    scene.fault(
      'administrator redefines',
      `an administrator redefines ${domain.id}: ${JSON.stringify(policy)}${blocked ? ', blocked' : ''}`,
    );
    facts.redefinedAtMs.set(domain.id, world.nowMs());
    world.redefine(domain.id, { policy, blocked });
  };

  const order = (domain: WorldDomain) => {
    const host = hosts[random.below(hosts.length)] as SimHost;
    const id = domain.id as DomainId;
    const orders: readonly Order[] = [
      { order: 'stop' },
      { order: 'resume' },
      { order: 'mode', mode: 'observe' },
      { order: 'mode', mode: 'advise' },
      { order: 'mode', mode: 'auto' },
      { order: 'approve', domain: id },
      { order: 'reject', domain: id },
      { order: 'abort-migration', domain: id },
    ];
    const drawn = orders[random.below(orders.length)] as Order;
    const text = 'mode' in drawn ? drawn.mode : 'domain' in drawn ? drawn.domain : '';
    scene.fault('operator orders', `an operator orders ${drawn.order} ${text} on ${host.id}`);
    host.order(drawn);
    if (drawn.order === 'stop' || drawn.order === 'mode')
      world.at(world.nowMs() + 1000 + random.next() * 15_000, () => backToNormal(host));
  };

  return {
    watch: {
      name: 'administrators',
      onWorld(event) {
        // Before anybody has measured what has just arrived.
        if (isOver || administratorEvery === 0) return;
        if (event.kind !== 'migration-ended' || !event.moved) return;
        const domain = world.domain(event.domain);
        // The worst time: its old home has a copy left, and has not heard that it arrived.
        const isLeft = domain !== undefined && world.host(event.host).paused.has(domain);
        if (random.next() >= (isLeft ? 0.5 : 0.1)) return;
        if (domain !== undefined)
          world.at(world.nowMs() + random.next() * 45, () => {
            if (isOver) return;
            if (random.next() < 0.6) move(domain);
            else endForGood(domain, scene.cluster.host(event.host));
          });
      },
    },
    tick() {
      if (administratorEvery === 0 || random.next() >= 1 / administratorEvery) return;
      const domain = drawDomain();
      const drawn = random.next();
      if (drawn < 0.3) move(domain);
      else if (drawn < 0.5) stopAndStart(domain);
      else if (drawn < 0.8) redefine(domain);
      else order(domain);
    },
    stop() {
      isOver = true;
      for (const host of hosts) backToNormal(host);
    },
  };
}

function backToNormal(host: SimHost): void {
  host.order({ order: 'resume' });
  host.order({ order: 'mode', mode: 'auto' });
}
