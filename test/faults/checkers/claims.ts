/**
 * The home's register is a history without contradictions: versions only grow, each of them has one holder, nobody
 * but that holder is told that it holds the claim, and another host becomes holder only because the registered one
 * gave the claim to it. At no time do two hosts hold a claim at one version, both confirmed by its home. Whoever
 * decides a deal holds what it takes by it. A home that took a claim back because its holder never called the domain
 * does not give it to that one again at once.
 */

import type { HostId, JournalRecord } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

/** Well below the shortest time for which such a holder is left out. */
const againMs = 600_000;

type Registered = Readonly<{ holder: HostId; version: number }>;

export function claims(scene: Scene): Checker {
  const name = 'claims';
  const { hosts, world } = scene;
  /** By home and domain: the last entry, until the home has none any more. */
  const registers = new Map<string, Registered>();
  /** `giver domain version taker`: what hosts promised, durably, to give. */
  const gifts = new Set<string>();
  const fail = (domain: string, text: string): never => {
    throw new Violation(name, [domain], text);
  };

  const register = (home: HostId, domain: string, next: Registered) => {
    const key = `${home} ${domain}`;
    const known = registers.get(key);
    registers.set(key, next);
    if (known === undefined) {
      beginAnew(home, domain, next);
      return;
    }
    const change = `${home} registered ${next.holder} for ${domain} at v${next.version}, and before ${known.holder} at v${known.version}`;
    if (next.version < known.version) fail(domain, `a version shrank: ${change}`);
    if (next.holder === known.holder) return;
    if (next.version === known.version) fail(domain, `one version, two holders: ${change}`);
    // The home takes a claim back with a new epoch; a gift is the successor of the version before.
    const isTakenBack = next.holder === home && next.version > known.version + 1;
    if (isTakenBack) return;
    if (!gifts.has(`${known.holder} ${domain} ${next.version} ${next.holder}`))
      fail(domain, `the registered holder never gave it away: ${change}`);
  };

  /** A domain that comes (back) to a host: nobody may hold a claim of before that is not below the new ones. */
  const beginAnew = (home: HostId, domain: string, { version }: Registered) => {
    for (const { id } of hosts) {
      const holding = scene.records(id).get('holding', domain);
      if (holding?.claim.home === home && holding.claim.version >= version)
        fail(
          domain,
          `${home} registers ${domain} anew at v${version}, and ${id} still holds v${holding.claim.version} of it`,
        );
    }
  };

  /** By home, domain and holder: when the claim was taken back because that one never called the domain. */
  const idledAtMs = new Map<string, number>();

  const decided = (host: HostId, record: JournalRecord & { kind: 'deal' }) => {
    const deal = record.value;
    if (deal?.phase !== 'committed') return;
    for (const { claim, to, newVersion } of deal.moves) {
      const { domain } = claim;
      if (to !== host) {
        const sinceMs = idledAtMs.get(`${host} ${domain} ${to}`) ?? Number.NEGATIVE_INFINITY;
        if (claim.home === host && world.nowMs() - sinceMs < againMs)
          fail(domain, `${host} gives ${domain} to ${to} again, which has never called it`);
        continue;
      }
      const entry = scene.records(host).get('home', domain);
      const holding = scene.records(host).get('holding', domain);
      const version = entry?.holder === host ? entry.version : holding?.claim.version;
      if (version !== newVersion)
        fail(
          domain,
          `${host} takes ${domain} at v${newVersion} by ${deal.id}, and does not hold it`,
        );
    }
  };

  const takenBack = (home: HostId, domain: string, before: Registered | undefined) => {
    if (before === undefined || before.holder === home) return;
    idledAtMs.set(`${home} ${domain} ${before.holder}`, world.nowMs());
  };

  const promise = (host: HostId, record: JournalRecord) => {
    if (record.kind === 'deal')
      for (const { claim, newVersion, to } of record.value?.moves ?? [])
        if (claim.holder === host) gifts.add(`${host} ${claim.domain} ${newVersion} ${to}`);
    if (record.kind === 'holding' && record.value !== null && record.value.givenTo !== null) {
      const { claim, givenTo } = record.value;
      gifts.add(`${host} ${claim.domain} ${claim.version} ${givenTo}`);
    }
  };

  return {
    name,
    onPersisted(host, records) {
      for (const record of records) {
        promise(host, record);
        if (record.kind === 'deal') decided(host, record);
        const isIdle = record.kind === 'receipt' && record.value.kind === 'fact';
        if (isIdle && /without the domain being called/.test(record.value.detail))
          takenBack(host, record.value.domain, registers.get(`${host} ${record.value.domain}`));
      }
      for (const record of records) {
        if (record.kind !== 'home') continue;
        if (record.value === null) registers.delete(`${host} ${record.key}`);
        else register(host, record.key, record.value);
      }
    },
    onEffect(host, effect) {
      if (effect.kind !== 'send' || effect.message.kind !== 'renewed') return;
      const { domain, version } = effect.message;
      const entry = registers.get(`${host} ${domain}`);
      if (entry?.holder !== effect.to || entry.version !== version)
        fail(
          domain,
          `${host} confirms ${effect.to} as holder of ${domain} at v${version}, and registered ${entry?.holder} at v${entry?.version}`,
        );
    },
    look() {
      const holders = new Map<string, HostId>();
      for (const { id, state, clock } of hosts) {
        for (const holding of state?.holdings.values() ?? []) {
          const { claim, confirmed, givenTo, leaseExpiresAtMs } = holding;
          if (!confirmed || givenTo !== null || leaseExpiresAtMs <= clock.nowMs()) continue;
          const key = `${claim.domain} at v${claim.version} of ${claim.home}`;
          const other = holders.get(key);
          if (other !== undefined)
            fail(claim.domain, `${other} and ${id} both hold the claim on ${key}`);
          holders.set(key, id);
        }
      }
    },
  };
}
