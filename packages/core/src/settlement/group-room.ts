/**
 * Room for keep-together groups. Agreed was that they go together, so the first of a group comes when there is room for
 * all of it; and once one has come, no other claim takes the room that the rest needs. Otherwise a full host tears apart
 * what it has promised to keep together: one comes, and the next one waits for room until its home takes it back.
 */

import type { Holding } from '../claims/claim.ts';
import type { HostRoom } from '../model/model.ts';
import type { HostState } from '../state.ts';
import { reservationOf } from './reserving.ts';

/** What has still to come of one group. */
type Rest = { domains: number; memoryBytes: number; vcpus: number; hasBegun: boolean };

/** Why a claim that fits into what is free waits all the same, for its own group or for another one; null when it may come. One sentence. */
export function whyGroupWaits(state: HostState, holding: Holding, free: HostRoom): string | null {
  const rests = restsOf(state);
  if (rests.size === 0) return null;
  const { name, memoryBytes, vcpus, policy } = holding.traits;
  const group = policy.keepTogether;
  const own = group === undefined ? undefined : rests.get(group);
  if (own?.hasBegun) return null;
  if (own !== undefined && !fits(own, free))
    return `${name} comes when there is room for all ${own.domains} VMs of its keep-together group ${group} that are to come`;
  let left = free;
  for (const [other, rest] of rests) {
    if (other === group || !rest.hasBegun) continue;
    left = { memoryBytes: left.memoryBytes - rest.memoryBytes, vcpus: left.vcpus - rest.vcpus };
    if (!fits(own ?? { memoryBytes, vcpus }, left))
      return `the room is kept for the rest of keep-together group ${other}, of which some have come`;
  }
  return null;
}

/** Every group of which claims are held here that have not been called yet. */
function restsOf(state: HostState): ReadonlyMap<string, Rest> {
  const rests = new Map<string, Rest>();
  for (const { claim, givenTo, traits } of state.holdings.values()) {
    const group = traits.policy.keepTogether;
    if (group === undefined || givenTo !== null) continue;
    const rest = rests.get(group) ?? { domains: 0, memoryBytes: 0, vcpus: 0, hasBegun: false };
    rests.set(group, rest);
    if (reservationOf(state, claim.domain) !== undefined) {
      rest.hasBegun = true;
      continue;
    }
    rest.domains += 1;
    rest.memoryBytes += traits.memoryBytes;
    rest.vcpus += traits.vcpus;
  }
  if (rests.size === 0) return rests;
  for (const { domain, movedAtMs } of state.homes.values()) {
    const group = state.samples.get(domain)?.traits.policy.keepTogether;
    const rest = group === undefined ? undefined : rests.get(group);
    if (rest !== undefined && movedAtMs !== null) rest.hasBegun = true;
  }
  return rests;
}

function fits(what: HostRoom, free: HostRoom): boolean {
  return what.memoryBytes <= free.memoryBytes && what.vcpus <= free.vcpus;
}
