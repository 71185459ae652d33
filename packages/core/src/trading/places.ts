/**
 * Claims that a peer believes to be here and that are not. Whether a host holds a claim nobody knows better than itself:
 * a lease has ended because the home is gone or cannot be heard, say, and only the holder noticed. Counted as here they
 * would draw their partners to this host, whose own book knows nothing of them: what comes for that gains nothing here,
 * goes back for whatever else there is to gain, and comes again, for ever. So they are not counted, and the peer is told.
 */

import { isHeldHere } from '../claims/book.ts';
import { domainsPerMessage } from '../information/announcing.ts';
import { placesOf, whereaboutsOf } from '../information/whereabouts.ts';
import type { Book, DomainId, HostId, Whereabouts } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';

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
    else if (home === undefined) unknown.push(domain);
    // What was held here and is not any more is where it was.
    else
      domains.push({ domain, name: domain, addresses: [], ...known, home, holder: home, version });
  }
  turn.send(peer, { kind: 'found', id: 0, domains, unknown, places: placesOf(state, domains) });
}

function isMisplaced(state: HostState, { domain, holder }: Book['partners'][number]): boolean {
  return holder === state.config.self && !isHeldHere(state, domain);
}
