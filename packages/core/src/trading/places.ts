/**
 * Where partners are, as both sides of a deal know it. A book names the partners of what it offers, and a claim that
 * one side offers may talk to what only the other one knows about. Where that did not count, a claim would be priced by
 * other places on its way there than on its way back: it goes for a gain, comes back for another one, and goes again,
 * for ever. So either side adds what it knows of the other's partners.
 *
 * Whether a host holds a claim nobody knows better than itself: a lease has ended because the home is gone or cannot
 * be heard, say, and only the holder noticed. What a peer wrongly has here is not counted, and the peer is told.
 */

import { isHeldHere } from '../claims/book.ts';
import { placeOf } from '../claims/offering.ts';
import { domainsPerMessage } from '../information/bounded.ts';
import { placesOf, whereaboutsOf } from '../information/whereabouts.ts';
import type { Book, DomainId, HostId, Whereabouts } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';

/** The own book, with where the partners of what `other` offers are where that one does not know it, or not as well. */
export function withPlacesFor(state: HostState, book: Book, other: Book): Book {
  const told = new Map(other.partners.map((partner) => [partner.domain, partner]));
  const seen = new Set(book.partners.map(({ domain }) => domain));
  for (const { claim } of book.offers) seen.add(claim.domain);
  const added: Book['partners'][number][] = [];
  for (const { row } of other.offers) {
    for (const { partner } of row) {
      if (partner === 'external' || seen.has(partner)) continue;
      seen.add(partner);
      const [place, known] = [placeOf(state, partner), told.get(partner)];
      if (place === undefined) continue;
      const isKnown =
        known !== undefined &&
        (known.version > place.version ||
          (known.version === place.version && known.holder === place.holder));
      if (!isKnown) added.push(place);
    }
  }
  return added.length === 0 ? book : { ...book, partners: [...book.partners, ...added] };
}

/** Where the book of a peer has partners, but for those that it wrongly has here. */
export function truePlaces(state: HostState, book: Book): Book['partners'] {
  const isWrong = (partner: Book['partners'][number]) => isMisplaced(state, partner);
  return book.partners.some(isWrong)
    ? book.partners.filter((partner) => !isWrong(partner))
    : book.partners;
}

/** Tells a peer what its book wrongly has here: its next one is right, whoever it is shown to. */
export function correctPlaces(turn: Turn, peer: HostId, book: Book): void {
  const { state, nowMs } = turn;
  const misplaced = book.partners.filter((partner) => isMisplaced(state, partner));
  if (misplaced.length === 0) return;
  const domains: Whereabouts[] = [];
  const unknown: DomainId[] = [];
  for (const { domain, version, ...told } of misplaced.slice(0, domainsPerMessage)) {
    const known = whereaboutsOf(state, domain, nowMs);
    const home = known?.home ?? told.home;
    if (known !== undefined && known.holder !== state.config.self) domains.push(known);
    else if (home === undefined || home === state.config.self) unknown.push(domain);
    // What was held here and is not any more is where it was.
    else
      domains.push({ domain, name: domain, addresses: [], ...known, home, holder: home, version });
  }
  turn.send(peer, { kind: 'found', id: 0, domains, unknown, places: placesOf(state, domains) });
}

function isMisplaced(state: HostState, { domain, holder }: Book['partners'][number]): boolean {
  return holder === state.config.self && !isHeldHere(state, domain);
}
