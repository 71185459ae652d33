/**
 * Only the agent at a domain's home migrates it, one migration at a time, only for the registered holder at the
 * registered version, and only to a host that holds room for it under an unexpired lease. The room is kept until
 * nothing can arrive any more, and for as long as the home was promised it.
 */

import type { HostId, JournalRecord, SettlementId } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

type Asked = Readonly<{
  holder: HostId;
  atMs: number;
  leaseMs: number;
  domain: string;
  version: number;
}>;

export function migrations(scene: Scene): Checker {
  const name = 'migrations';
  const { world, facts, cluster } = scene;
  const asked = new Map<SettlementId, Asked>();
  const answered = new Set<SettlementId>();
  /** Of these it is durable that nothing is let in. */
  const refusing = new Set<SettlementId>();
  /** When the lease of kept room was last written down. */
  const leasedAtMs = new Map<string, number>();

  const released = (host: HostId, id: SettlementId) => {
    const here = world.host(host);
    for (const domain of here.arriving)
      if (domain.migration?.settlement === id || domain.waiting.get(here)?.settlement === id)
        throw new Violation(
          name,
          [id, domain.id],
          `${host} gives up the room of ${domain.id} while it arrives there`,
        );
    // Given up with an earlier one of the domain, for its home: nothing is let in by it any more.
    if (refusing.has(id)) return;
    const promise = asked.get(id);
    if (promise === undefined || answered.has(id)) return;
    if (scene.runsAt(host, promise.domain)) return;
    const keptMs = world.nowMs() - promise.atMs;
    // Clocks drift by a few percent at most.
    if (keptMs < 0.9 * promise.leaseMs)
      throw new Violation(
        name,
        [id, promise.domain],
        `${host} gives up room after ${Math.round(keptMs)} ms that it promised for ${promise.leaseMs} ms`,
      );
  };

  const checkStart = (domainId: string, source: HostId, target: HostId) => {
    const id = world.domain(domainId)?.migration?.settlement as SettlementId;
    const fail = (text: string): never => {
      throw new Violation(
        name,
        [id, domainId],
        `${domainId} migrates from ${source} to ${target}, and ${text}`,
      );
    };
    const home = scene.records(source);
    const promised = home.get('settlement', id);
    if (promised?.phase !== 'migrating' || promised.to !== target)
      fail('its home made no such promise');
    const underWay = home
      .all('settlement')
      .filter(
        ({ domain, phase }) =>
          domain === domainId && (phase === 'migrating' || phase === 'resolving'),
      );
    if (underWay.length > 1) fail(`${underWay.length} settlements of it are under way`);
    const reservation = scene.records(target).get('reservation', id);
    const entry = home.get('home', domainId);
    if (reservation?.domain !== domainId || reservation.home !== source) {
      fail('the target holds no room for it');
      return;
    }
    if (entry?.holder !== target || entry.version !== reservation.version)
      fail(
        `its claim is held by ${entry?.holder} at v${entry?.version}, not by the target at v${reservation.version}`,
      );
    const clock = cluster.host(target).clock;
    // By the clock that wrote it: the agent may have started again since, at another time.
    const setMs = facts.setMs(target, leasedAtMs.get(id) ?? 0);
    const lateMs = clock.nowMs() - setMs - reservation.leaseExpiresAtMs;
    if (lateMs > 0) fail(`the lease of its room ended ${lateMs} ms ago`);
  };

  /** A home promises a migration: to whom it has registered, at the version at which it was asked. */
  const promised = (home: HostId, record: JournalRecord) => {
    if (record.kind !== 'settlement' || record.value?.phase !== 'migrating') return;
    const { settlement, domain, to } = record.value;
    if (scene.records(home).get('settlement', settlement) !== undefined) return;
    for (const other of scene.records(home).all('settlement'))
      if (other.domain === domain && (other.phase === 'migrating' || other.phase === 'resolving'))
        throw new Violation(
          name,
          [settlement, domain],
          `${home} promises ${settlement} of ${domain} while ${other.settlement} is ${other.phase}`,
        );
    const entry = scene.records(home).get('home', domain);
    // Not seen asking: a liar that the claim has come to meanwhile.
    const version = asked.get(settlement)?.version ?? entry?.version;
    if (entry?.holder === to && entry.version === version) return;
    throw new Violation(
      name,
      [settlement, domain],
      `${home} promises to migrate ${domain} to ${to}, which asked for it at v${version}; registered is ${entry?.holder} at v${entry?.version}`,
    );
  };

  const renewed = (host: HostId, record: JournalRecord) => {
    if (record.kind !== 'reservation' || record.value === null) return;
    const known = scene.records(host).get('reservation', record.key);
    if (known === undefined || known.phase !== 'asking' || record.value.phase !== 'arriving')
      return;
    const { startedAtMs, leaseExpiresAtMs, settlement, domain } = known;
    const nowMs = cluster.host(host).clock.nowMs();
    const life = cluster.host(host).state;
    // Started again: the lease of an earlier life says nothing, and the home may have begun.
    if (life?.sample === null || startedAtMs > nowMs) return;
    if (nowMs >= leaseExpiresAtMs && !answered.has(settlement))
      throw new Violation(
        name,
        [settlement, domain],
        `${host} lets ${domain} arrive ${nowMs - leaseExpiresAtMs} ms after the lease of its room had ended`,
      );
  };

  return {
    name,
    onEffect(host, effect) {
      if (effect.kind === 'persist')
        for (const record of effect.records) {
          renewed(host, record);
          promised(host, record);
        }
      if (effect.kind !== 'send') return;
      const { message } = effect;
      if (message.kind === 'settle')
        asked.set(message.settlement, {
          holder: host,
          atMs: world.nowMs(),
          leaseMs: message.leaseMs,
          domain: message.domain,
          version: message.version,
        });
      if (message.kind === 'settled' || message.kind === 'refuse') answered.add(message.settlement);
      if (message.kind === 'settling') answered.add(message.settlement);
    },
    onPersisted(host, records) {
      for (const record of records) {
        if (record.kind !== 'reservation') continue;
        if (record.value === null) {
          released(host, record.key as SettlementId);
          continue;
        }
        leasedAtMs.set(record.key, world.nowMs());
        if (record.value.phase === 'refusing') refusing.add(record.value.settlement);
      }
    },
    onWorld(event) {
      if (event.kind === 'migration-started') checkStart(event.domain, event.host, event.target);
    },
  };
}
