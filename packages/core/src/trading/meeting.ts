/**
 * Meetings: what two hosts alone cannot do. A domain's partner is on a full host, and so is the domain:
 * neither can come to the other, and no exchange of the two books gains anything. A third host may have room
 * for both. Its agent takes the first one although nothing is gained yet; the partner then follows by an
 * ordinary deal, because now it does gain.
 *
 * Why that cannot go round in circles: a meeting costs nothing but the displacement (no other term of the cost may
 * rise), it strictly evens the load of the two hosts, and one domain meets once per cooldown. Why it cannot move a
 * VM for nothing: it happens on paper, and a claim taken for a meeting is settled only once it pays.
 */

import { holderOf, locationOf } from '../claims/book.ts';
import { dropHolding } from '../claims/registers.ts';
import { type Evaluation, evaluateExchange } from '../exchange/exchange.ts';
import type { KnownPeer } from '../information/peer-table.ts';
import { displacementCost } from '../model/cost.ts';
import { locationDistance } from '../model/distance.ts';
import type { Book, DomainId, HostId, Offer } from '../model/model.ts';
import { worthPerByte } from '../settlement/worth.ts';
import type { HostState, Turn } from '../state.ts';

export type Meeting = Readonly<{ host: HostId; domain: DomainId }>;

/** A domain and a host where its partner could join it; undefined when no partner is out of reach for want of room. */
export function findMeeting(
  state: HostState,
  book: Book,
  nowMs: number,
  candidates: () => readonly KnownPeer[],
): Meeting | undefined {
  let known: readonly KnownPeer[] | undefined;
  for (const offer of book.offers) {
    if (nowMs < (state.meetAfterMs.get(offer.claim.domain) ?? 0)) continue;
    if (!isKeptApartByRoom(state, book, offer)) continue;
    known ??= candidates();
    const third = known.find(({ summary }) => mayMeetAt(book, offer, summary))?.summary;
    if (third !== undefined) return { host: third.host, domain: offer.claim.domain };
  }
  return undefined;
}

/** The partner that it has most to gain with is on a host without room for it, and has no room here. */
function isKeptApartByRoom(state: HostState, book: Book, offer: Offer): boolean {
  const { cost, minGainBitsPerSecond, self } = state.config;
  let dearest: { holder: HostId; cost: number } | undefined;
  for (const { partner, bitsPerSecond } of offer.row) {
    if (partner === 'external') continue;
    const holder = holderOf(state, partner)?.holder;
    const location = holder === undefined ? undefined : locationOf(state, holder);
    if (holder === undefined || location === undefined) continue;
    // A domain with company here would leave it behind.
    if (holder === self) return false;
    const apart = bitsPerSecond * locationDistance(cost.distance, book.location, location);
    if (dearest === undefined || apart > dearest.cost) dearest = { holder, cost: apart };
  }
  const { memoryBytes, migrationBytes } = offer.traits;
  const twoMoves = 2 * displacementCost(migrationBytes, cost.paybackMs);
  if (dearest === undefined || dearest.cost * cost.affinityWeight < minGainBitsPerSecond + twoMoves)
    return false;
  const theirs = state.directory.peers.get(dearest.holder)?.summary;
  if (theirs === undefined) return false;
  return freeBytes(theirs) < memoryBytes && freeBytes(book) < memoryBytes;
}

function mayMeetAt(book: Book, { traits }: Offer, third: Pick<Book, 'capacity' | 'load'>): boolean {
  const { memoryBytes } = traits;
  return (
    freeBytes(third) >= 2 * memoryBytes &&
    third.load.memoryBytes + memoryBytes < book.load.memoryBytes
  );
}

function freeBytes({ capacity, load }: Pick<Book, 'capacity' | 'load'>): number {
  return capacity.memoryLimitBytes - load.memoryBytes;
}

/** The third host's check, and the proposer's: nothing but the displacement is paid, and there is room for two. */
export function evaluateMeeting(
  state: HostState,
  proposer: Book,
  responder: Book,
  domain: DomainId,
): Evaluation | undefined {
  const offer = proposer.offers.find(({ claim }) => claim.domain === domain);
  if (offer === undefined || !mayMeetAt(proposer, offer, responder)) return undefined;
  const exchange = { give: [domain], take: [] };
  const evaluation = evaluateExchange(proposer, responder, exchange, state.config.cost);
  const { network, nic, cpu, memory, hostOn, overLimit } = evaluation.terms;
  const lost = [network, nic, cpu, memory, hostOn, overLimit].some((term) => term < 0);
  return evaluation.violations.length === 0 && !lost ? evaluation : undefined;
}

/** Gives up the claims whose partner never followed: their homes take them back when the lease ends. */
export function tickMeetings(turn: Turn): void {
  const { state, nowMs } = turn;
  const { claimLeaseMs } = state.config.timing;
  for (const holding of state.holdings.values()) {
    const { domain } = holding.claim;
    if (holding.meeting === undefined || nowMs - holding.acquiredAtMs < claimLeaseMs) continue;
    if (worthPerByte(state, holding) > 0) continue;
    const isComing = [...state.reservations.values()].some((one) => one.domain === domain);
    if (isComing || holding.givenTo !== null) continue;
    turn.log(
      'info',
      'meeting-over',
      `No partner followed ${holding.traits.name}: its claim goes back.`,
      {
        domain,
      },
    );
    dropHolding(turn, domain);
  }
}
