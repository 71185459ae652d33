/**
 * Policies hold on paper: no host agrees to hold what is pinned elsewhere, frozen elsewhere, or to be kept apart
 * from what it holds already, by the definitions that it knows.
 *
 * Policies hold at execution: what migrates may leave its host and may be on the target, by its definition at that
 * moment. A definition that changed so shortly before that its agent cannot have measured since is not held against it.
 */

import type { Claim, DomainId, HostId, JournalRecord } from '@barter/core';
import type { WorldDomain } from '@barter/sim';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

export function policies(scene: Scene): Checker {
  const name = 'policies';
  const { world, cluster, facts } = scene;
  /** When each domain's home last ordered its migration. */
  const orderedAtMs = new Map<string, number>();

  /** Whether the agent's last measurement shows the domain as it is defined now. */
  const isSeen = (host: HostId, domain: WorldDomain) => {
    const seen = cluster.host(host).state?.samples.get(domain.id);
    return (
      seen !== undefined &&
      JSON.stringify(seen.traits.policy) === JSON.stringify(domain.policy) &&
      (domain.blocked === undefined || seen.blocked !== undefined)
    );
  };

  const groupAt = (host: HostId, domain: DomainId) => {
    const { state } = cluster.host(host);
    // What is given away in this very step is known from what was durable before.
    const traits =
      state?.samples.get(domain)?.traits ??
      state?.holdings.get(domain)?.traits ??
      scene.records(host).get('holding', domain)?.traits;
    return traits?.policy.keepApart;
  };

  /**
   * Whether a claim is void by what a host's peer in a deal knows, and says with its book: the domain runs there, or the
   * peer is its home, or holds it; at a higher version.
   */
  const isVoidBy = (peer: HostId, { domain, home, version }: Claim) => {
    const known = world.domain(domain);
    const runsThere =
      known !== undefined && world.hostsRunning(known).some(({ id }) => id === peer);
    const entry = scene.records(peer).get('home', domain);
    if (entry !== undefined && (runsThere || peer === home)) return entry.version > version;
    const holding = scene.records(peer).get('holding', domain);
    return peer === home || (holding?.claim.version ?? 0) > version;
  };

  /** The keep-apart groups of the claims that a host holds, by domain; `peer`: without what is void by its book. */
  const groupsOf = (host: HostId, peer?: HostId): Map<string, string | undefined> => {
    const records = scene.records(host);
    const claims = [
      ...records.all('home').map(({ domain, holder, version }) => ({
        domain,
        home: host,
        holder,
        version,
      })),
      ...records.all('holding').flatMap(({ claim, givenTo }) => (givenTo === null ? [claim] : [])),
    ];
    const held = claims.filter(
      (claim) => claim.holder === host && (peer === undefined || !isVoidBy(peer, claim)),
    );
    return new Map(held.map(({ domain }) => [domain, groupAt(host, domain)]));
  };

  const countOf = (groups: ReadonlyMap<string, string | undefined>, group: string) =>
    [...groups.values()].filter((one) => one === group).length;

  const agreed = (host: HostId, { value: deal }: JournalRecord & { kind: 'deal' }) => {
    if (deal?.phase !== (deal?.role === 'responder' ? 'accepted' : 'committed')) return;
    if (deal === null) return;
    const before = groupsOf(host);
    const after = groupsOf(host, deal.peer);
    const fail = (domain: string, text: string): never => {
      throw new Violation(
        name,
        [deal.id, domain],
        `${host} agrees on ${deal.id}, although ${text}`,
      );
    };
    for (const { claim, to, traits } of deal.moves) {
      const { frozen, pin, keepApart } = traits.policy;
      if (frozen && to !== claim.home) fail(claim.domain, `${claim.domain} is frozen`);
      if (pin !== undefined && !pin.includes(to))
        fail(claim.domain, `${claim.domain} is pinned to ${pin.join(', ')} and would go to ${to}`);
      if (to === host) after.set(claim.domain, keepApart);
      else after.delete(claim.domain);
    }
    for (const group of new Set(after.values())) {
      if (group === undefined) continue;
      const count = countOf(after, group);
      if (count > Math.max(1, countOf(before, group)))
        fail('', `it would hold ${count} of the keep-apart group ${group}`);
    }
  };

  return {
    name,
    onEffect(host, effect) {
      if (effect.kind === 'persist')
        for (const record of effect.records) if (record.kind === 'deal') agreed(host, record);
      if (effect.kind !== 'migrate') return;
      const { domain: id, target } = effect.order;
      orderedAtMs.set(id, world.nowMs());
      const domain = world.domain(id);
      if (domain === undefined || !isSeen(host, domain)) return;
      const fail = (text: string): never => {
        throw new Violation(name, [id], `${host} migrates ${id} to ${target}, although ${text}`);
      };
      const { frozen, pin } = domain.policy;
      if (frozen) fail('its policy says frozen');
      if (domain.blocked !== undefined) fail(domain.blocked);
      if (pin !== undefined && !pin.includes(target)) fail(`it is pinned to ${pin.join(', ')}`);
    },
    onWorld(event) {
      if (event.kind !== 'migration-started') return;
      const domain = world.domain(event.domain);
      const keepApart = domain?.policy.keepApart;
      if (domain === undefined || keepApart === undefined || !isSeen(event.host, domain)) return;
      const { running, arriving } = world.host(event.target);
      // The target was asked half a round trip ago, and needs a moment to measure what changes on it.
      const ordered = orderedAtMs.get(domain.id) ?? 0;
      const askedAtMs = (event.atMs + ordered) / 2 - 100;
      // Its home looked for the last time when it gave the order.
      if ((facts.redefinedAtMs.get(domain.id) ?? -1) >= ordered - 100) return;
      for (const other of [...running, ...arriving]) {
        if (other === domain || other.policy.keepApart !== keepApart) continue;
        const changedAtMs = Math.max(
          facts.handled.get(other.id)?.atMs ?? -1,
          facts.redefinedAtMs.get(other.id) ?? -1,
        );
        if (changedAtMs < askedAtMs && isSeen(event.target, other))
          throw new Violation(
            name,
            [domain.id, other.id],
            `${domain.id} migrates to ${event.target}, where ${other.id} is, and both are in the keep-apart group ${keepApart}`,
          );
      }
    },
  };
}
