/**
 * Placement rules: may these claims be held by that host?
 *
 * - `frozen`: the claim may go nowhere but home (where the domain runs, so that nothing moves).
 * - `pin`: only to a host that is named, by id or by name.
 * - `keepApart`: a host that receives a claim holds at most one of its group afterwards; a host that
 *   already held more may not come to hold more.
 * - `keepTogether`: two hosts may not come to share a group more than they did: the smaller of their
 *   two shares does not grow. So a group that is whole moves whole or stays. What a host holds and does not
 *   offer may be void by now without its knowing that: it holds its host back, and draws nothing there.
 *
 * A rule that is broken already binds no less: what is wrong may only get better.
 */

import type { DomainId, HostId, Policy } from './model.ts';

export type PolicyViolation = Readonly<{
  code: 'frozen' | 'pin' | 'keep-apart' | 'keep-together';
  /** The domain that breaks it; absent when a group as a whole does. */
  domain?: DomainId;
  /** One sentence for operators. */
  message: string;
}>;

export function isSamePolicy(one: Policy, other: Policy | undefined): boolean {
  if (one === other) return true;
  return (
    other !== undefined &&
    one.frozen === other.frozen &&
    one.keepApart === other.keepApart &&
    one.keepTogether === other.keepTogether &&
    (one.pin ?? []).join('\n') === (other.pin ?? []).join('\n')
  );
}

export type NamedHost = Readonly<{ host: HostId; name: string }>;

/** A claim as the rules see it. */
export type RuledClaim = Readonly<{
  domain: DomainId;
  home: HostId;
  name: string;
  policy: Policy;
}>;

/** The rules of one claim on its own: may it go to this host? `undefined` = yes. */
export function receiveViolation(
  claim: RuledClaim,
  target: NamedHost,
): PolicyViolation | undefined {
  const { domain, home, name, policy } = claim;
  if (policy.frozen && target.host !== home) {
    return {
      code: 'frozen',
      domain,
      message: `${name} is frozen, so it stays on the host it runs on.`,
    };
  }
  if (policy.pin && !policy.pin.includes(target.host) && !policy.pin.includes(target.name)) {
    return {
      code: 'pin',
      domain,
      message: `${name} is pinned to ${policy.pin.join(', ')}, and ${target.name} is not among them.`,
    };
  }
  return undefined;
}

/** How many claims of each group a host holds. */
export type GroupCounts = ReadonlyMap<string, number>;

/** Counts group names; each appears once for each claim that carries it. */
export function countGroups(groups: Iterable<string>): GroupCounts {
  const counts = new Map<string, number>();
  for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}

/** The most claims of a keep-apart group that a host may hold which held `before`. */
export function keepApartLimit(before: number): number {
  return Math.max(1, before);
}

/** Keep-apart groups of which one host would hold too many. */
export function keepApartViolations(
  hostName: string,
  before: GroupCounts,
  after: GroupCounts,
): readonly PolicyViolation[] {
  const violations: PolicyViolation[] = [];
  for (const [group, count] of after) {
    if (count <= keepApartLimit(before.get(group) ?? 0)) continue;
    violations.push({
      code: 'keep-apart',
      message: `${hostName} would hold ${count} domains of the keep-apart group "${group}".`,
    });
  }
  return violations;
}

/** What one side of a deal holds of a keep-together group: before and after it, and what it offered of it before. */
export type GroupShare = Readonly<{ before: number; offered: number; after: number }>;

/** Whether two hosts would share a keep-together group more: one gives of it and keeps more than the other had for certain. */
export function isTornApart(one: GroupShare, other: GroupShare): boolean {
  if (one.after === one.before) return false;
  const [giver, taker] = one.after < one.before ? [one, other] : [other, one];
  return giver.after > taker.offered;
}

/** Keep-together groups that two hosts would share more than before. */
export function keepTogetherViolations(
  hostNames: readonly [string, string],
  before: readonly [GroupCounts, GroupCounts],
  offered: readonly [GroupCounts, GroupCounts],
  after: readonly [GroupCounts, GroupCounts],
): readonly PolicyViolation[] {
  const violations: PolicyViolation[] = [];
  for (const group of new Set([...after[0].keys(), ...after[1].keys()])) {
    const shareOf = (side: 0 | 1): GroupShare => ({
      before: before[side].get(group) ?? 0,
      offered: offered[side].get(group) ?? 0,
      after: after[side].get(group) ?? 0,
    });
    const [here, there] = [shareOf(0).after, shareOf(1).after];
    if (!isTornApart(shareOf(0), shareOf(1))) continue;
    violations.push({
      code: 'keep-together',
      message: `The keep-together group "${group}" would be split: ${here} on ${hostNames[0]}, ${there} on ${hostNames[1]}.`,
    });
  }
  return violations;
}
