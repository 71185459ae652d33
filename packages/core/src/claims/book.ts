/**
 * A host's own side of a deal: the claims it holds, which of them it would trade and why not the others,
 * its load on paper, and the book made of all that.
 */

import type {
  Book,
  Claim,
  DomainId,
  DomainTraits,
  HostId,
  HostLoad,
  Location,
  Offer,
  TrafficRow,
} from '../model/model.ts';
import type { HostState } from '../state.ts';
import { claimOf, type Holding, type HomeEntry, isHeld } from './claim.ts';
import { isKeptFrom } from './idle.ts';

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

/** Domains that this host trades with nobody for now, and why; one sentence each. */
export function lockedDomains(state: HostState): ReadonlyMap<DomainId, string> {
  const locked = new Map<DomainId, string>();
  for (const deal of state.openDeals.values()) {
    for (const move of deal.moves) locked.set(move.claim.domain, 'an unfinished deal moves it');
  }
  for (const domain of domainsOfGroupsOnTheirWay(state))
    locked.set(domain, 'the rest of its keep-together group has not come yet');
  return locked;
}

/**
 * What is held here of keep-together groups of which some have come and others not. A deal over these would be one over
 * claims that have several homes, and a deal that turns out void leaves every claim to its home: for good apart.
 */
function domainsOfGroupsOnTheirWay(state: HostState): readonly DomainId[] {
  const groups = new Map<string, { domains: DomainId[]; homes: Set<HostId> }>();
  for (const domain of heldDomains(state)) {
    const name = traitsOf(state, domain)?.policy.keepTogether;
    const home = name === undefined ? undefined : holderOf(state, domain)?.home;
    if (name === undefined || home === undefined || home === null) continue;
    const group = groups.get(name) ?? { domains: [], homes: new Set() };
    groups.set(name, group);
    group.domains.push(domain);
    group.homes.add(home);
  }
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

export function offerOf(state: HostState, domain: DomainId): Offer | undefined {
  const traits = traitsOf(state, domain);
  if (traits === undefined) return undefined;
  const entry = state.homes.get(domain);
  const claim: Claim | undefined =
    entry !== undefined ? claimOf(entry, state.config.self) : state.holdings.get(domain)?.claim;
  if (claim === undefined) return undefined;
  return { claim, traits, row: cutRow(rowOf(state, domain), state.config.bookPartners) };
}

/**
 * The heaviest entries of a row; what is left out is added to `external`, so that loads stay exact. An entry
 * counts by as much as it is heavier than the heaviest one left out: otherwise a domain that talks to many
 * alike would be drawn to whichever of them happen to be named.
 */
export function cutRow(row: TrafficRow, partnersMax: number): TrafficRow {
  if (row.length <= partnersMax) return row;
  const named = row.filter(({ partner }) => partner !== 'external');
  const sorted = named.toSorted((one, other) => other.bitsPerSecond - one.bitsPerSecond);
  const common = sorted[partnersMax - 1]?.bitsPerSecond ?? 0;
  const kept = sorted.slice(0, partnersMax - 1).flatMap(({ partner, bitsPerSecond }) => {
    const above = bitsPerSecond - common;
    return above > 0 ? [{ partner, bitsPerSecond: above }] : [];
  });
  const sum = (rates: TrafficRow) => rates.reduce((total, rate) => total + rate.bitsPerSecond, 0);
  return [...kept, { partner: 'external', bitsPerSecond: sum(row) - sum(kept) }];
}

/** The book of this host now, as it is shown to `peer`. Undefined before the first sample. */
export function makeBook(state: HostState, nowMs: number, peer?: HostId): Book | undefined {
  const { config, sample } = state;
  if (sample === null) return undefined;
  const locked = lockedDomains(state);
  const offers: Offer[] = [];
  const keepApart: string[] = [];
  const keepTogether: string[] = [];
  for (const domain of heldDomains(state)) {
    const isKept = peer !== undefined && isKeptFrom(state.homes.get(domain), peer, nowMs);
    const offered = !isKept && whyNotOffered(state, domain, nowMs, locked) === null;
    const offer = offered ? offerOf(state, domain) : undefined;
    if (offer !== undefined) {
      offers.push(offer);
      continue;
    }
    const policy = traitsOf(state, domain)?.policy;
    if (policy?.keepApart !== undefined) keepApart.push(policy.keepApart);
    if (policy?.keepTogether !== undefined) keepTogether.push(policy.keepTogether);
  }
  return {
    host: config.self,
    name: config.name,
    location: config.location,
    capacity: sample.capacity,
    load: paperLoad(state),
    offers,
    fixed: { keepApart, keepTogether },
    partners: partnersOf(state, offers),
  };
}

/** Where the partners named in the rows are held; those that nobody knows are left out. */
function partnersOf(state: HostState, offers: readonly Offer[]): Book['partners'] {
  const found = new Map<DomainId, Book['partners'][number]>();
  for (const offer of offers) {
    for (const { partner } of offer.row) {
      if (partner === 'external' || found.has(partner)) continue;
      const place = placeOf(state, partner);
      if (place !== undefined) found.set(partner, place);
    }
  }
  return [...found.values()];
}

/** Where a domain is held, as a book names it; undefined when this host does not know, or not where that holder stands. */
export function placeOf(state: HostState, domain: DomainId): Book['partners'][number] | undefined {
  const known = holderOf(state, domain);
  const location = known === undefined ? undefined : locationOf(state, known.holder);
  if (known === undefined || location === undefined) return undefined;
  const { holder, version, home } = known;
  return { domain, holder, location, version, ...(home === null ? {} : { home }) };
}

/** Cuts a book that is too large for one message down to the offers that matter most to `peer`. */
export function cutBook(book: Book, peer: HostId, offersMax: number): Book {
  if (book.offers.length <= offersMax) return book;
  const holders = new Map(book.partners.map((partner) => [partner.domain, partner.holder]));
  const pull = (offer: Offer): number =>
    offer.row.reduce((sum, { partner, bitsPerSecond }) => {
      if (partner === 'external') return sum;
      const holder = holders.get(partner);
      if (holder === peer) return sum + bitsPerSecond;
      return holder === book.host ? sum - bitsPerSecond : sum;
    }, 0);
  const ranked = book.offers
    .map((offer) => ({ offer, pull: pull(offer) }))
    .sort((one, other) => other.pull - one.pull)
    .map(({ offer }) => offer);
  const kept = ranked.slice(0, offersMax);
  const left = ranked.slice(offersMax).map((offer) => offer.traits.policy);
  const named = new Set(kept.flatMap((offer) => offer.row.map((rate) => rate.partner)));
  return {
    ...book,
    offers: kept,
    partners: book.partners.filter((partner) => named.has(partner.domain)),
    fixed: {
      keepApart: [...book.fixed.keepApart, ...left.flatMap((policy) => policy.keepApart ?? [])],
      keepTogether: [
        ...book.fixed.keepTogether,
        ...left.flatMap((policy) => policy.keepTogether ?? []),
      ],
    },
  };
}
