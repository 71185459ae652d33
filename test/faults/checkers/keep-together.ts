/**
 * Keep-together groups. On paper: no deal makes two hosts share a group more than they did, by the claims that both
 * hold: the smaller of their two shares does not grow. And what a side gives of a group has one home: of what has
 * several, a deal that turns out void would leave each at its own.
 *
 * At execution: the first of a group is called only to where there is room for all of it that is to come. And of groups
 * that were whole at the beginning: no domain leaves while another one of its group, none of which has left yet, stays;
 * and they are at home on several hosts only while one of them is on its way. Excused is a group of which a claim came
 * home, by whatever but a deal, void ones included, when another domain had left or was leaving: its migration failed,
 * its holder was silent or gave it up. What has left cannot be called back, and who is silent may be gone for good.
 * Excused is also one that somebody has handled or redefined.
 */

import type { Claim, DomainId, HostId, JournalRecord } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

type DealRecord = NonNullable<(JournalRecord & { kind: 'deal' })['value']>;
type Held = Readonly<{ claim: Claim; group: string | undefined }>;
/** By domain, what a host holds. */
type Share = ReadonlyMap<DomainId, Held>;

export function keepTogether(scene: Scene): Checker {
  const name = 'keep-together';
  const { world, cluster, facts, plan } = scene;
  /** By host and deal: what a host held when it proposed or accepted that. The other one goes by it. */
  const said = new Map<string, Share>();
  const groups = plan.together.map((group) => ({
    name: group.name,
    domains: group.domains as readonly DomainId[],
  }));
  /** Groups that may be apart. */
  const excused = new Set<string>();

  const groupOf = (host: HostId, domain: DomainId): string | undefined => {
    const { state } = cluster.host(host);
    const traits =
      state?.samples.get(domain)?.traits ??
      state?.holdings.get(domain)?.traits ??
      scene.records(host).get('holding', domain)?.traits;
    return traits?.policy.keepTogether;
  };

  const shareOf = (host: HostId): Share => {
    const records = scene.records(host);
    const held = [
      ...records
        .all('home')
        .filter(({ holder }) => holder === host)
        .map(({ domain, holder, version }) => ({ domain, home: host, holder, version })),
      ...records.all('holding').flatMap(({ claim, givenTo }) => (givenTo === null ? [claim] : [])),
    ];
    return new Map(
      held.map((claim) => [claim.domain, { claim, group: groupOf(host, claim.domain) }]),
    );
  };

  const count = (share: Share, group: string) =>
    [...share.values()].filter((one) => one.group === group).length;

  /** What the peer said that it holds, without what is void by this host's own register and claims. */
  const trusted = (host: HostId, peer: HostId, theirs: Share): Share => {
    const isVoid = ({ domain, home, version }: Claim) => {
      const entry = scene.records(host).get('home', domain);
      if (entry !== undefined || home === host)
        return entry?.holder !== peer || entry.version !== version;
      return (scene.records(host).get('holding', domain)?.claim.version ?? 0) > version;
    };
    return new Map([...theirs].filter(([, { claim }]) => !isVoid(claim)));
  };

  const agreed = (host: HostId, deal: DealRecord) => {
    const before = [
      shareOf(host),
      trusted(host, deal.peer, said.get(`${deal.peer} ${deal.id}`) ?? new Map()),
    ] as const;
    const [own, theirs] = before.map((share) => new Map(share)) as [
      Map<DomainId, Held>,
      Map<DomainId, Held>,
    ];
    const homes = new Map<string, HostId>();
    for (const { claim, to, traits } of deal.moves) {
      const group = traits.policy.keepTogether;
      const home = homes.get(`${to} ${group}`) ?? claim.home;
      homes.set(`${to} ${group}`, home);
      if (group !== undefined && home !== claim.home)
        throw new Violation(
          name,
          [deal.id, ...deal.moves.map((move) => move.claim.domain)],
          `${host} agrees on ${deal.id}: of ${group} it moves what is at home on ${home} and on ${claim.home}`,
        );
      const [from, target] = to === host ? [theirs, own] : [own, theirs];
      from.delete(claim.domain);
      target.set(claim.domain, { claim, group });
    }
    for (const { group } of [...own.values(), ...theirs.values()]) {
      if (group === undefined) continue;
      const was = [count(before[0], group), count(before[1], group)] as const;
      const is = [count(own, group), count(theirs, group)] as const;
      if (Math.min(...is) > Math.min(...was))
        throw new Violation(
          name,
          [deal.id, ...deal.moves.map(({ claim }) => claim.domain)],
          `${host} agrees on ${deal.id}: of ${group} it has ${was[0]} and ${deal.peer} ${was[1]}, and then ${is[0]} and ${is[1]}`,
        );
    }
  };

  const runsOn = (id: DomainId): HostId | undefined => {
    const domain = world.domain(id);
    return domain === undefined ? undefined : world.hostsRunning(domain)[0]?.id;
  };

  /** Whether it is somewhere else by now, or may be. */
  const hasLeft = (host: HostId, id: DomainId) =>
    runsOn(id) !== host || (scene.records(host).get('home', id)?.settlement ?? null) !== null;

  const wholeGroupOf = (id: DomainId) =>
    groups.find((group) => group.domains.includes(id) && !excused.has(group.name));

  const migrates = (host: HostId, id: DomainId, target: HostId) => {
    const group = wholeGroupOf(id);
    const others = group?.domains.filter((other) => other !== id) ?? [];
    if (group === undefined || isHandled(group) || others.some((other) => hasLeft(host, other)))
      return;
    const staying = others.filter(
      (other) => scene.records(host).get('home', other)?.holder === host,
    );
    if (staying.length > 0)
      throw new Violation(
        name,
        group.domains,
        `${host} migrates ${id} to ${target}, and ${staying.join(', ')} of its group ${group.name} stays`,
      );
  };

  /** A host calls a domain: by what it has measured and promised, the rest of the group has room as well. */
  const calls = (host: HostId, id: DomainId) => {
    const { state } = cluster.host(host);
    const group = groupOf(host, id);
    const sample = state?.sample;
    if (state === undefined || group === undefined || !sample) return;
    const isOf = (domain: DomainId) => groupOf(host, domain) === group;
    const reserved = [...state.reservations.values()].filter(({ domain }) => domain !== id);
    const hasMoved = [...state.homes.values()].some(
      ({ domain, movedAtMs }) => isOf(domain) && movedAtMs !== null,
    );
    if (hasMoved || reserved.some(({ domain }) => isOf(domain))) return;
    let freeBytes = sample.capacity.memoryTransientBytes;
    for (const { traits } of reserved) freeBytes -= traits.memoryBytes;
    for (const [domain, { traits }] of state.samples)
      if (!reserved.some((one) => one.domain === domain)) freeBytes -= traits.memoryBytes;
    const coming = [...state.holdings.values()].filter(
      ({ claim, givenTo }) => givenTo === null && isOf(claim.domain),
    );
    const bytes = coming.reduce((sum, { traits }) => sum + traits.memoryBytes, 0);
    if (bytes > freeBytes)
      throw new Violation(
        name,
        coming.map(({ claim }) => claim.domain),
        `${host} calls ${id}, and has no room for all ${coming.length} of ${group} that are to come`,
      );
  };

  const cameHome = (host: HostId, id: DomainId) => {
    const group = wholeGroupOf(id);
    if (group?.domains.some((other) => other !== id && hasLeft(host, other)))
      excused.add(group.name);
  };

  const isHandled = ({ domains }: (typeof groups)[number]) =>
    domains.some(
      (id) => facts.handled.has(id) || facts.redefinedAtMs.has(id) || facts.nowhere.has(id),
    );

  /** At home where it runs, and not given away: also not by a deal that its home has not heard to be decided. */
  const isAtRest = (id: DomainId, host: HostId | undefined) => {
    const entry = host === undefined ? undefined : scene.records(host).get('home', id);
    if (entry === undefined || entry.holder !== host || entry.settlement !== null) return false;
    return !scene.hosts.some(
      (other) => (scene.records(other.id).get('holding', id)?.claim.version ?? 0) > entry.version,
    );
  };

  const lookAt = (group: (typeof groups)[number]) => {
    const hosts = group.domains.map(runsOn);
    if (new Set(hosts).size < 2) return;
    if (group.domains.every((id, index) => isAtRest(id, hosts[index])))
      throw new Violation(
        name,
        group.domains,
        `${group.domains.join(', ')} of ${group.name} are at home on ${hosts.join(', ')}, and none of them is on its way`,
      );
  };

  return {
    name,
    onEffect(host, effect) {
      if (effect.kind === 'migrate') migrates(host, effect.order.domain, effect.order.target);
      if (effect.kind === 'send') {
        const { message } = effect;
        if (message.kind !== 'propose' && message.kind !== 'accept') return;
        const key = `${host} ${message.deal}`;
        if (!said.has(key)) said.set(key, shareOf(host));
      }
      if (effect.kind !== 'persist') return;
      const byDeal = new Set<DomainId>();
      for (const { kind, value } of effect.records) {
        if (kind !== 'deal' || value === null) continue;
        for (const { claim, to } of value.moves)
          if (to === host || value.phase === 'void') byDeal.add(claim.domain);
        const decides = value.role === 'responder' ? 'accepted' : 'committed';
        const known = scene.records(host).get('deal', value.id)?.phase;
        if (value.phase === decides && known !== decides) agreed(host, value);
      }
      for (const { kind, key, value } of effect.records)
        if (kind === 'reservation' && value !== null)
          if (scene.records(host).get('reservation', key) === undefined) calls(host, value.domain);
      for (const { kind, value } of effect.records) {
        if (kind !== 'home' || value === null || value.holder !== host) continue;
        const holder = scene.records(host).get('home', value.domain)?.holder ?? host;
        if (holder !== host && !byDeal.has(value.domain)) cameHome(host, value.domain);
      }
    },
    look() {
      for (const group of groups) {
        if (excused.has(group.name)) continue;
        if (isHandled(group)) excused.add(group.name);
        else lookAt(group);
      }
    },
  };
}
