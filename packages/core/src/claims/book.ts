/**
 * A host's own side of a deal: the claims it holds, which of them it would trade and why not the others, and
 * its load on paper. The book made of all that is in `offering.ts`.
 */

import type {
  DomainId,
  DomainTraits,
  HostId,
  HostLoad,
  Location,
  TrafficRow,
} from '../model/model.ts';
import type { HostState } from '../state.ts';
import { type Holding, type HomeEntry, isHeld } from './claim.ts';

/** Who holds a domain's claim, as far as this host knows; undefined = nobody it knows of. */
export function holderOf(
  state: HostState,
  domain: DomainId,
): Readonly<{ holder: HostId; version: number; home: HostId | null }> | undefined {
  const entry = state.homes.get(domain);
  if (entry !== undefined)
    return { holder: entry.holder, version: entry.version, home: state.config.self };
  const holding = state.holdings.get(domain);
  if (holding !== undefined) {
    const { version, home } = holding.claim;
    return { holder: holding.givenTo ?? state.config.self, version, home };
  }
  const known = state.directory.find(domain);
  const { self } = state.config;
  if (known?.holder !== self) return known;
  // What was ours and is not any more (its home was silent) is where it was; and nobody may know where that is.
  return known.home === null || known.home === self ? undefined : { ...known, holder: known.home };
}

export function locationOf(state: HostState, host: HostId): Location | undefined {
  return host === state.config.self ? state.config.location : state.directory.location(host);
}

/** What a domain is and needs, as trading counts with it. */
export function traitsOf(state: HostState, domain: DomainId): DomainTraits | undefined {
  const sample = state.samples.get(domain);
  return sample?.priced ?? state.holdings.get(domain)?.traits;
}

/** Whom a domain talks to, as trading counts with it. */
export function rowOf(state: HostState, domain: DomainId): TrafficRow {
  return state.pricedRows.get(domain) ?? state.holdings.get(domain)?.row ?? [];
}

/** The domains whose claims this host holds, at home here or not. */
export function heldDomains(state: HostState): DomainId[] {
  const held: DomainId[] = [];
  for (const entry of state.homes.values()) {
    if (entry.holder === state.config.self && state.samples.has(entry.domain))
      held.push(entry.domain);
  }
  for (const holding of state.holdings.values()) {
    if (holding.givenTo === null) held.push(holding.claim.domain);
  }
  return held;
}

/** Domains that this host trades with nobody for now, and why; one sentence each. `held` as {@link heldDomains} has them. */
export function lockedDomains(
  state: HostState,
  held: readonly DomainId[] = heldDomains(state),
): ReadonlyMap<DomainId, string> {
  const locked = new Map<DomainId, string>();
  for (const deal of state.openDeals.values()) {
    for (const move of deal.moves) locked.set(move.claim.domain, 'an unfinished deal moves it');
  }
  for (const domain of domainsOfGroupsOnTheirWay(state, held))
    locked.set(domain, 'the rest of its keep-together group has not come yet');
  return locked;
}

/**
 * What is held here of keep-together groups of which some have come and others not. A deal over these would be one over
 * claims that have several homes, and a deal that turns out void leaves every claim to its home: for good apart.
 */
function domainsOfGroupsOnTheirWay(
  state: HostState,
  held: readonly DomainId[],
): readonly DomainId[] {
  const groups = new Map<string, { domains: DomainId[]; homes: Set<HostId> }>();
  const groupOf = (name: string) => {
    const group = groups.get(name) ?? { domains: [], homes: new Set() };
    groups.set(name, group);
    return group;
  };
  for (const domain of held) {
    const name = traitsOf(state, domain)?.policy.keepTogether;
    const home = name === undefined ? undefined : holderOf(state, domain)?.home;
    if (name === undefined || home === undefined || home === null) continue;
    const group = groupOf(name);
    group.domains.push(domain);
    group.homes.add(home);
  }
  // It may be on its way although its claim has lapsed here: its home was asked for it, and may not have answered yet.
  for (const { traits, home } of state.reservations.values())
    if (traits.policy.keepTogether !== undefined)
      groupOf(traits.policy.keepTogether).homes.add(home);
  return [...groups.values()].flatMap(({ domains, homes }) => (homes.size > 1 ? domains : []));
}

/** Why this host would not trade a claim that it holds; null when it would. One sentence. */
export function whyNotOffered(
  state: HostState,
  domain: DomainId,
  nowMs: number,
  locked: ReadonlyMap<DomainId, string>,
): string | null {
  const lock = locked.get(domain);
  if (lock !== undefined) return lock;
  const entry = state.homes.get(domain);
  if (entry !== undefined) return whyHomeStays(state, entry, nowMs);
  const holding = state.holdings.get(domain);
  if (holding === undefined) return 'its claim is not held here';
  return whyHoldingStays(state, holding, nowMs);
}

/** Why a domain at home here would not be moved at all now, whoever holds its claim. */
export function whyUnmovable(state: HostState, entry: HomeEntry, nowMs: number): string | null {
  const { timing } = state.config;
  const sample = state.samples.get(entry.domain);
  if (sample === undefined) return 'it is not running here';
  if (sample.state !== 'running') return `it is ${sample.state}`;
  if (sample.traits.policy.frozen) return 'its policy says frozen';
  if (sample.blocked !== undefined) return `it cannot migrate: ${sample.blocked}`;
  if (entry.restsUntilMs > nowMs) return entry.restReason;
  if (entry.movedAtMs !== null && entry.movedAtMs + timing.cooldownMs > nowMs) {
    const seconds = Math.ceil((entry.movedAtMs + timing.cooldownMs - nowMs) / 1000);
    return `it has migrated a short while ago and stays for another ${seconds} s`;
  }
  return null;
}

function whyHomeStays(state: HostState, entry: HomeEntry, nowMs: number): string | null {
  if (entry.holder !== state.config.self) return 'another host holds its claim';
  if (entry.settlement !== null) return 'it is migrating';
  const unmovable = whyUnmovable(state, entry, nowMs);
  if (unmovable !== null) return unmovable;
  return state.resting.has(entry.domain) ? 'nothing has changed since it migrated here' : null;
}

function whyHoldingStays(state: HostState, holding: Holding, nowMs: number): string | null {
  if (!isHeld(holding, nowMs)) return 'its home has not confirmed the claim yet';
  if (holding.leaseExpiresAtMs - nowMs < state.config.timing.inDoubtMs)
    return 'the lease on its claim is about to end';
  for (const reservation of state.reservations.values())
    if (reservation.domain === holding.claim.domain) return 'it is about to migrate here';
  return null;
}

/** Whether the claim is ours on paper: at home or on lease, and not given on. */
export function isHeldHere(state: HostState, domain: DomainId): boolean {
  const entry = state.homes.get(domain);
  if (entry !== undefined) return entry.holder === state.config.self;
  return state.holdings.get(domain)?.givenTo === null;
}

/** The sum over the claims held here, plus what the host itself uses (CPU only). */
export function paperLoad(state: HostState): HostLoad {
  state.paperLoad ??= addUp(state);
  return state.paperLoad;
}

function addUp(state: HostState): HostLoad {
  let memoryBytes = 0;
  let vcpus = 0;
  let cpu = state.sample?.hostCpu ?? 0;
  let nicBitsPerSecond = 0;
  for (const domain of heldDomains(state)) {
    const traits = traitsOf(state, domain);
    if (traits === undefined) continue;
    memoryBytes += traits.memoryBytes;
    vcpus += traits.vcpus;
    cpu += traits.cpu;
    for (const { partner, bitsPerSecond } of rowOf(state, domain)) {
      if (partner === 'external' || !isHeldHere(state, partner)) nicBitsPerSecond += bitsPerSecond;
    }
  }
  return { memoryBytes, vcpus, cpu, nicBitsPerSecond };
}
