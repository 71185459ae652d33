/**
 * The two judgements of a deal, each by the judge's own data: the responder searches the best exchange of both
 * books, the proposer checks what it was answered.
 */

import { cutBook, makeBook } from '../claims/offering.ts';
import { noteBook } from '../credibility/charges.ts';
import { distrustOf } from '../credibility/standing.ts';
import {
  areBothFull,
  bestExchange,
  evaluateExchange,
  excerptFor,
  type FoundExchange,
} from '../exchange/exchange.ts';
import { hearBook } from '../information/seeking.ts';
import type { DealMessage, DeclineReason } from '../message.ts';
import type { Book, Claim, DomainId, Exchange, HostId, Offer, TrafficRow } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import type { ClaimMove, Deal, DealSignal } from './deal.ts';
import { adopt, drive, sendReply } from './driving.ts';
import { evaluateMeeting } from './meeting.ts';
import { correctPlaces, truePlaces, withPlacesFor } from './places.ts';
import { leaveAlone, rest } from './prospects.ts';
import { undecidedDeal, whyNotTrading } from './willingness.ts';

/** The proposer's own check: the exchange must pay by its own data, and break no limit. */
export function checkAcceptance(
  turn: Turn,
  deal: Deal,
  message: DealMessage & { kind: 'accept' },
): DealSignal {
  const { state, nowMs } = turn;
  const refuse = (detail: string): DealSignal => ({ signal: 'accept', detail });
  const trading = whyNotTrading(state, nowMs);
  if (trading !== null) return refuse(trading.detail);
  const book = makeBook(state, nowMs, deal.peer);
  if (book === undefined || message.book.host !== deal.peer)
    return refuse('the books do not match');
  noteBook(turn, deal.peer, message.book);
  correctPlaces(turn, deal.peer, message.book);
  const { exchange } = message;
  const moves = movesOf(book, message.book, exchange);
  if (moves === undefined) return refuse('a claim of the exchange is not offered (any more)');
  const isOurs = ({ claim }: ClaimMove) => claim.holder === state.config.self;
  if (!moves.every((move) => isOurs(move) || isTakeable(state, move.claim, deal.peer))) {
    // That may take as long as an operator does: meanwhile the same two books lead to the same exchange.
    rest(state, deal.peer, nowMs);
    return refuse('a claim of the exchange cannot be taken, by the register of this host');
  }
  const proposed = state.proposals.get(deal.id)?.offers ?? [];
  const isAsProposed = ({ claim }: ClaimMove) =>
    claim.holder !== state.config.self ||
    proposed.some(
      (offer) => offer.claim.domain === claim.domain && offer.claim.version === claim.version,
    );
  if (!moves.every(isAsProposed))
    return refuse('a claim of the exchange has changed since the proposal');
  // Of what the peer believes to hold, this host may have taken some back, and knows that best itself.
  const theirs = trustedBook(state, message.book, deal.peer) ?? message.book;
  const ours = withPlacesFor(state, book, theirs);
  const evaluation = evaluateExchange(ours, theirs, exchange, state.config.cost);
  const [violation] = evaluation.violations;
  if (violation !== undefined) return refuse(violation.message);
  const isMeeting = exchange.take.length === 0 && exchange.give.length === 1;
  const meets =
    isMeeting &&
    exchange.give[0] === deal.meeting &&
    foundMeeting(state, ours, theirs, deal.meeting) !== undefined;
  if (!meets && !(evaluation.gainBitsPerSecond >= state.config.minGainBitsPerSecond))
    return refuse('by the proposer’s own data it gains less than the margin');
  const { gainBitsPerSecond } = evaluation;
  hearBook(turn, message.book, rowsTaken(moves, state.config.self));
  return { signal: 'accept', detail: '', terms: { exchange, moves, gainBitsPerSecond } };
}

/** What an exchange moves, claim by claim; undefined when one of them is in neither book. */
function movesOf(proposer: Book, responder: Book, exchange: Exchange): ClaimMove[] | undefined {
  const moves: ClaimMove[] = [];
  const sides = [
    { domains: exchange.give, from: proposer, to: responder.host },
    { domains: exchange.take, from: responder, to: proposer.host },
  ];
  for (const { domains, from, to } of sides) {
    for (const domain of domains) {
      const offer = from.offers.find(({ claim }) => claim.domain === domain);
      if (offer === undefined || offer.claim.holder !== from.host) return undefined;
      const { claim, traits, row } = offer;
      moves.push({ claim, to, newVersion: claim.version + 1, traits, row });
    }
  }
  return moves.length === 0 ? undefined : moves;
}

function rowsTaken(moves: readonly ClaimMove[], self: HostId): readonly TrafficRow[] {
  return moves.filter(({ to }) => to === self).map(({ row }) => row);
}

export function considerProposal(
  turn: Turn,
  from: HostId,
  message: DealMessage & { kind: 'propose' },
): void {
  const { state, nowMs } = turn;
  const decline = (reason: DeclineReason, detail: string, searched: { revision?: number } = {}) => {
    state.counts.declined += 1;
    turn.send(from, { kind: 'decline', deal: message.deal, reason, detail, ...searched });
  };
  const trading = whyNotTrading(state, nowMs);
  if (trading !== null) return void decline(trading.reason, trading.detail);
  const distrust = distrustOf(state, from, nowMs);
  if (distrust !== null) {
    const seconds = Math.ceil(distrust.forMs / 1000);
    return void decline(
      'backed-off',
      `left out of trading for another ${seconds} s: ${distrust.why}`,
    );
  }
  noteBook(turn, from, message.book);
  const undecided = undecidedDeal(state);
  if (undecided !== undefined) {
    const yields =
      undecided.phase === 'proposed' && undecided.peer === from && from < state.config.self;
    if (!yields) return void decline('busy', 'in another deal');
    endProposal(turn, undecided, 'the peer proposed at the same time, and its proposal stands');
  }
  const theirs = trustedBook(state, message.book, from);
  if (theirs === undefined) return void decline('refused', 'the book is not the sender’s own');
  correctPlaces(turn, from, message.book);
  const own = makeBook(state, nowMs, from);
  if (own === undefined) return void decline('not-measured', 'nothing is measured yet');
  const cut = cutBook(own, from, state.config.bookOffers);
  const ours = withPlacesFor(state, cut, theirs);
  const { cost, search, minGainBitsPerSecond } = state.config;
  const gainful = bestExchange(theirs, ours, cost, { minGainBitsPerSecond, kind: search });
  const meeting = gainful === undefined ? message.meeting : undefined;
  const best = gainful ?? foundMeeting(state, theirs, ours, meeting);
  const moves = best === undefined ? undefined : movesOf(theirs, ours, best.exchange);
  if (best === undefined || moves === undefined) {
    // A proposal of ours would have the same two books searched again.
    leaveAlone(state, from, nowMs, theirs.revision);
    const { revision } = state.information;
    return void decline('no-gain', whyNothing(theirs, ours), { revision });
  }
  hearBook(turn, message.book, rowsTaken(moves, state.config.self));
  const deal: Deal = {
    id: message.deal,
    role: 'responder',
    peer: from,
    phase: 'accepted',
    exchange: best.exchange,
    moves,
    gainBitsPerSecond: best.evaluation.gainBitsPerSecond,
    ...(meeting === undefined ? {} : { meeting }),
    startedAtMs: nowMs,
    expiresAtMs: nowMs + state.config.timing.inDoubtMs,
    endedAtMs: null,
    detail: '',
  };
  adopt(turn, deal);
  const { exchange, gainBitsPerSecond } = deal;
  const excerpt = excerptFor(ours, exchange, theirs);
  const acceptance = {
    kind: 'accept',
    deal: deal.id,
    exchange,
    book: excerpt,
    gainBitsPerSecond,
  } as const;
  state.acceptances.set(deal.id, acceptance);
  sendReply(turn, deal, 'accept');
}

/** Why no exchange was found; one sentence. */
function whyNothing(proposer: Book, responder: Book): string {
  const detail = 'no exchange of the two books lowers the cost by the margin';
  return areBothFull(proposer, responder)
    ? `${detail}; both hosts are full, and what is at home on them cannot change places`
    : detail;
}

function foundMeeting(
  state: HostState,
  proposer: Book,
  responder: Book,
  domain: DomainId | undefined,
): FoundExchange | undefined {
  if (domain === undefined) return undefined;
  const evaluation = evaluateMeeting(state, proposer, responder, domain);
  return evaluation && { exchange: { give: [domain], take: [] }, evaluation };
}

/** A proposal of ours that we give up before anybody is bound by it. */
function endProposal(turn: Turn, deal: Deal, detail: string): void {
  const { nowMs } = turn;
  drive(turn, deal, { kind: 'received', nowMs, signal: 'decline', detail });
}

/**
 * The peer's book without what it cannot offer, and without what it wrongly has here; undefined when it speaks for
 * somebody else. What is to be kept together with what it cannot offer counts as before: either the peer holds it, or
 * it does not know yet that it does not.
 */
function trustedBook(state: HostState, book: Book, from: HostId): Book | undefined {
  if (book.host !== from) return undefined;
  const offers: Offer[] = [];
  const keepTogether = [...book.fixed.keepTogether];
  for (const offer of book.offers) {
    const group = offer.traits.policy.keepTogether;
    if (isTakeable(state, offer.claim, from)) offers.push(offer);
    else if (group !== undefined) keepTogether.push(group);
  }
  const fixed = { ...book.fixed, keepTogether };
  return { ...book, offers, fixed, partners: truePlaces(state, book) };
}

/**
 * Whether a claim that a peer offers could be held here. Not while this host registers the domain itself, as somebody
 * else's or as one that migrates: it may run elsewhere by now, and how the migration ended may be open for as long as
 * an operator takes.
 */
function isTakeable(state: HostState, claim: Claim, from: HostId): boolean {
  if (claim.holder !== from) return false;
  const entry = state.homes.get(claim.domain);
  if (entry !== undefined)
    return entry.holder === from && entry.version === claim.version && entry.settlement === null;
  return claim.home !== state.config.self && !state.holdings.has(claim.domain);
}
