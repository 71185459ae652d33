/**
 * A member that has nothing to do with a matter says something about it all the same: a stranger's transfers,
 * settlements, decisions and endings. It may waste a moment of everybody's time and nothing else. What the two
 * parties of a deal or settlement say about it themselves is believed, so nobody lies in their name.
 *
 * And a host that keeps its claims and never calls a domain, also long after the faults: nothing that it says is false.
 */

import type { DealId, DomainId, HostId, Message, SettlementId } from '@barter/core';
import type { SimHost } from '@barter/sim';
import { streams } from '../plan.ts';
import type { Injector, Scene } from '../scene.ts';

const repairedAfterMs = 2_000_000;

export function liars(scene: Scene): Injector {
  const { plan, hosts, cluster, world, facts } = scene;
  const { lieEvery } = plan.faults;
  const random = scene.random(streams.liars);
  const idler = plan.faults.idler === undefined ? undefined : hosts[plan.faults.idler]?.id;
  cluster.network.withholds = (from, { kind }) => {
    if (from !== idler || kind !== 'settle') return false;
    // Long enough for its claims to be taken back; then somebody repairs it, or it would take others for ever.
    if (world.nowMs() > (facts.faultsEndedAtMs ?? Infinity) + repairedAfterMs) return false;
    facts.count('call kept back');
    return true;
  };
  const pick = <Item>(items: readonly Item[]): Item | undefined =>
    items[random.below(Math.max(1, items.length))];

  const say = (liar: HostId, to: HostId, message: Message) => {
    if (liar === to) return;
    scene.fault(`lie: ${message.kind}`, `${liar} lies to ${to}: ${JSON.stringify(message)}`);
    cluster.network.deliver(liar, to, message);
  };

  const aboutClaim = (liar: HostId, home: HostId) => {
    const entry = pick(scene.records(home).all('home'));
    if (entry === undefined || entry.holder === liar) return;
    const domain = entry.domain as DomainId;
    const version = entry.version + 1 - random.below(2);
    const deal = 'forged' as DealId;
    if (random.next() < 0.5) {
      say(liar, home, { kind: 'transfer', domain, version, to: liar, deal });
      say(liar, home, { kind: 'renew', domain, version });
    } else {
      const settlement = `forged-${random.below(1e6)}` as SettlementId;
      say(liar, home, { kind: 'settle', settlement, domain, version, leaseMs: 5_000 });
    }
  };

  const aboutHolding = (liar: HostId, holder: HostId) => {
    const holding = pick(scene.records(holder).all('holding'));
    if (holding === undefined || holding.claim.home === liar) return;
    const { domain, version } = holding.claim;
    say(liar, holder, { kind: 'revoked', domain, version: version + 1, detail: 'a lie' });
  };

  const aboutSettlement = (liar: HostId, host: HostId) => {
    const settlement = pick(scene.records(host).all('settlement'));
    if (settlement !== undefined && settlement.to !== liar) {
      const { settlement: id, domain } = settlement;
      say(liar, host, {
        kind: 'located',
        settlement: id,
        domain,
        presence: pick(['running', 'absent']) ?? 'absent',
        arrival: pick(['arrived', 'refused']) ?? 'refused',
        question: random.next() < 0.5 ? 0 : world.nowMs(),
      });
    }
    const reservation = pick(scene.records(host).all('reservation'));
    if (reservation !== undefined && reservation.home !== liar) {
      const { settlement: id, domain } = reservation;
      say(liar, host, {
        kind: 'settled',
        settlement: id,
        domain,
        moved: random.next() < 0.5,
        detail: 'a lie',
      });
    }
  };

  const aboutDeal = (liar: HostId, host: HostId) => {
    const deal = pick(scene.records(host).all('deal'));
    if (deal === undefined || deal.peer === liar) return;
    const kind = pick(['commit', 'acknowledge', 'void', 'inquire'] as const) ?? 'commit';
    say(liar, host, { kind, deal: deal.id });
    say(liar, host, { kind: 'abort', deal: deal.id, detail: 'a lie' });
  };

  return {
    tick() {
      if (lieEvery === 0 || random.next() >= 1 / lieEvery) return;
      const liar = (hosts[random.below(hosts.length)] as SimHost).id;
      const victim = (hosts[random.below(hosts.length)] as SimHost).id;
      if (!scene.isAlive(liar) || liar === victim) return;
      pick([aboutClaim, aboutClaim, aboutHolding, aboutSettlement, aboutDeal])?.(liar, victim);
    },
    stop() {},
  };
}
