/**
 * The book of a host: what it offers, and all that the other side of a deal has to know to judge an exchange of it.
 *
 * Whoever proposes makes one every few seconds, and most of the time it is the one of before. Then it is the very same
 * object, so that what was worked out from it still stands (`prospects.ts`).
 */

import type {
  Book,
  Claim,
  DomainId,
  HostCapacity,
  HostId,
  Offer,
  TrafficRow,
} from '../model/model.ts';
import type { HostState } from '../state.ts';
import {
  heldDomains,
  holderOf,
  locationOf,
  lockedDomains,
  paperLoad,
  rowOf,
  traitsOf,
  whyNotOffered,
} from './book.ts';
import { claimOf } from './claim.ts';
import { isKeptFrom } from './idle.ts';
import type { MadeBook } from './made-book.ts';

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
  const { sample } = state;
  if (sample === null) return undefined;
  const held = heldDomains(state);
  const locked = lockedDomains(state, held);
  const offered: DomainId[] = [];
  const others: DomainId[] = [];
  for (const domain of held) {
    const isKept = peer !== undefined && isKeptFrom(state.homes.get(domain), peer, nowMs);
    const isOffered = !isKept && whyNotOffered(state, domain, nowMs, locked) === null;
    (isOffered ? offered : others).push(domain);
  }
  const before = state.madeBook;
  if (before !== undefined && isAsMade(state, sample.capacity, before, offered)) return before.book;
  const made = compose(state, sample.capacity, offered, others);
  state.madeBook = made;
  return made.book;
}

function isAsMade(
  state: HostState,
  capacity: HostCapacity,
  made: MadeBook,
  offered: readonly DomainId[],
): boolean {
  const { directory } = state;
  return (
    made.load === state.paperLoad &&
    made.capacity === capacity &&
    made.registrations === state.information.registrations &&
    made.placings === directory.placings &&
    (made.placesKnown === null || made.placesKnown === directory.placesKnown) &&
    made.offered.length === offered.length &&
    made.offered.every((domain, n) => domain === offered[n])
  );
}

function compose(
  state: HostState,
  capacity: HostCapacity,
  offered: readonly DomainId[],
  others: readonly DomainId[],
): MadeBook {
  const { config, directory } = state;
  const { revision, registrations } = state.information;
  const keepApart: string[] = [];
  const keepTogether: string[] = [];
  for (const domain of others) {
    const policy = traitsOf(state, domain)?.policy;
    if (policy?.keepApart !== undefined) keepApart.push(policy.keepApart);
    if (policy?.keepTogether !== undefined) keepTogether.push(policy.keepTogether);
  }
  const offers = offered.flatMap((domain) => offerOf(state, domain) ?? []);
  const { partners, isComplete } = partnersOf(state, offers);
  const load = paperLoad(state);
  const { self: host, name, location } = config;
  const fixed = { keepApart, keepTogether };
  return {
    book: { host, name, location, capacity, load, offers, fixed, partners, revision },
    offered,
    load,
    capacity,
    registrations,
    placings: directory.placings,
    placesKnown: isComplete ? null : directory.placesKnown,
  };
}

/** Where the partners named in the rows are held; those that nobody knows are left out. */
function partnersOf(
  state: HostState,
  offers: readonly Offer[],
): Readonly<{ partners: Book['partners']; isComplete: boolean }> {
  const found = new Map<DomainId, Book['partners'][number]>();
  let isComplete = true;
  for (const offer of offers) {
    for (const { partner } of offer.row) {
      if (partner === 'external' || found.has(partner)) continue;
      const place = placeOf(state, partner);
      if (place === undefined) isComplete = false;
      else found.set(partner, place);
    }
  }
  return { partners: [...found.values()], isComplete };
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
