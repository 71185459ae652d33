/**
 * Trading: drives the deals of one host. Proposes when there is something to gain, answers proposals with
 * the best exchange of both books, checks acceptances against its own data, and lets claims change hands
 * in the transaction that decides.
 *
 * A host is in one undecided deal at a time; a busy host declines at once; when two proposals cross, the
 * one from the smaller peer id stands.
 */

import { cutBook, heldDomains, makeBook } from './book.ts';
import {
  type ClaimMove,
  type Deal,
  type DealReply,
  type DealSignal,
  isOpen,
  stepDeal,
} from './deal.ts';
import {
  bestExchange,
  evaluateExchange,
  excerptFor,
  type FoundExchange,
  outlook,
} from './exchange.ts';
import { giveClaim, revertClaim, takeClaim } from './holding.ts';
import { evaluateMeeting, findMeeting, tickMeetings } from './meeting.ts';
import type { DealMessage, DeclineReason } from './message.ts';
import type { Book, DealId, DomainId, Exchange, HostId, LoadSummary, TrafficRow } from './model.ts';
import { receiptKey } from './receipt.ts';
import { hearBook } from './seeking.ts';
import type { HostState, Turn } from './state.ts';

/** Why this host does not trade now; null when it does. One sentence. */
export function whyNotTrading(
  state: HostState,
  nowMs: number,
): Readonly<{
  reason: DeclineReason;
  detail: string;
}> | null {
  if (state.settings.mode === 'observe')
    return { reason: 'not-trading', detail: 'the mode is observe' };
  if (state.settings.stopped) return { reason: 'not-trading', detail: 'an operator stopped it' };
  if (state.pausing) return { reason: 'not-trading', detail: 'its agent is about to end' };
  if (state.sample === null || !state.sample.trafficMeasured)
    return { reason: 'not-measured', detail: 'the traffic is not measured for long enough yet' };
  if (Math.abs(nowMs - state.sampledAtMs) > state.config.timing.staleMs)
    return { reason: 'not-measured', detail: 'the last measurement is too old' };
  return null;
}

/** The deal whose outcome is still open to this host, if there is one. */
export function undecidedDeal(state: HostState): Deal | undefined {
  for (const deal of state.deals.values())
    if (deal.phase === 'proposed' || deal.phase === 'accepted') return deal;
  return undefined;
}

/** Moves every open deal on: resends, expires. */
export function tickDeals(turn: Turn): void {
  tickMeetings(turn);
  const { state, nowMs } = turn;
  const { historyMs } = state.config.timing;
  // Most of the time all deals have ended, and none is old enough to be forgotten.
  const tooFar = state.dealsDueAtMs - nowMs > historyMs;
  if (nowMs < state.dealsDueAtMs && !tooFar) return;
  let dueAtMs = nowMs + historyMs;
  for (const deal of state.deals.values()) {
    if (isOpen(deal)) {
      dueAtMs = nowMs;
      if (nowMs < deal.expiresAtMs && !turn.due(`deal ${deal.id}`)) continue;
      drive(turn, deal, { kind: 'ticked', nowMs });
    } else {
      const forgetAtMs = (deal.endedAtMs ?? 0) + historyMs;
      if (nowMs > forgetAtMs) forget(turn, deal.id);
      else if (forgetAtMs < dueAtMs) dueAtMs = forgetAtMs;
    }
  }
  state.dealsDueAtMs = dueAtMs;
}

/** After a restart the journal's deals go on from their last durable phase. */
export function restartDeals(turn: Turn): void {
  for (const deal of [...turn.state.deals.values()]) {
    if (isOpen(deal)) drive(turn, deal, { kind: 'restarted', nowMs: turn.nowMs });
  }
}

/** Proposes to one peer, drawn by what there is to gain with it; does nothing when nothing is. */
export function propose(turn: Turn, random: readonly [number, number]): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  if (nowMs < state.nextTradeAtMs && state.nextTradeAtMs - nowMs < 2 * timing.tradeEveryMs) return;
  state.nextTradeAtMs = nowMs + timing.tradeEveryMs * (0.5 + random[0]);
  if (whyNotTrading(state, nowMs) !== null || undecidedDeal(state) !== undefined) return;
  const book = makeBook(state, nowMs);
  if (book === undefined || book.offers.length === 0) return;
  const candidates = tradingPeers(state, nowMs);
  const drawn = drawPeer(state, book, candidates, random[1]);
  const meeting = drawn === undefined ? findMeeting(state, book, nowMs, candidates) : undefined;
  const peer = drawn ?? meeting?.host;
  if (peer === undefined) return;
  if (meeting !== undefined) state.meetAfterMs.set(meeting.domain, nowMs + timing.cooldownMs);
  const id = `${state.config.self.slice(-6)}-${nowMs.toString(36)}-${Math.floor(random[1] * 1e9).toString(36)}`;
  const deal: Deal = {
    id: id as DealId,
    role: 'proposer',
    peer,
    phase: 'proposed',
    exchange: { give: [], take: [] },
    moves: [],
    gainBitsPerSecond: 0,
    ...(meeting === undefined ? {} : { meeting: meeting.domain }),
    startedAtMs: nowMs,
    expiresAtMs: nowMs + timing.proposalMs,
    endedAtMs: null,
    detail: '',
  };
  // Not persisted: nothing is promised yet. An agent that forgets a proposal answers `abort`.
  state.deals.set(deal.id, deal);
  state.dealsDueAtMs = nowMs;
  sendReply(turn, deal, 'propose');
}

/** Whoever would answer a proposal now, as far as its summary tells. */
function tradingPeers(state: HostState, nowMs: number): readonly LoadSummary[] {
  const { timing } = state.config;
  const found: LoadSummary[] = [];
  for (const [host, { summary, receivedAtMs }] of state.directory.peers) {
    if (nowMs - receivedAtMs > timing.staleMs || !state.connected.has(host)) continue;
    if (summary.mode === 'observe' || summary.stopped || !summary.measured) continue;
    if ((state.backoffs.get(host)?.untilMs ?? 0) <= nowMs) found.push(summary);
  }
  return found;
}

function drawPeer(
  state: HostState,
  book: Book,
  peers: readonly LoadSummary[],
  random: number,
): HostId | undefined {
  const { cost, minGainBitsPerSecond } = state.config;
  const potential = outlook(book, cost);
  const candidates = peers
    .map((summary) => ({ host: summary.host, weight: potential(summary) }))
    .filter(({ weight }) => weight >= minGainBitsPerSecond);
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = random * total;
  for (const { host, weight } of candidates) {
    left -= weight;
    if (left < 0) return host;
  }
  return candidates.at(-1)?.host;
}

export function receiveDealMessage(turn: Turn, from: HostId, message: DealMessage): void {
  const { state, nowMs } = turn;
  const deal = state.deals.get(message.deal);
  if (deal === undefined) {
    receiveUnknown(turn, from, message);
    return;
  }
  if (deal.peer !== from) {
    turn.log('warn', 'deal-stranger', `A peer speaks in a deal of others: ${message.kind}.`, {
      deal: message.deal,
      peer: from,
    });
    return;
  }
  if (message.kind === 'decline') backOff(turn, from, message.reason);
  drive(turn, deal, { kind: 'received', nowMs, ...signalOf(turn, deal, message) });
}

/** A message about a deal that is not (or no longer) in the journal. */
function receiveUnknown(turn: Turn, from: HostId, message: DealMessage): void {
  switch (message.kind) {
    case 'propose':
      considerProposal(turn, from, message);
      return;
    case 'accept':
    case 'inquire':
      // Presumed abort: a proposer remembers every deal that it committed until it is acknowledged.
      turn.send(from, {
        kind: 'abort',
        deal: message.deal,
        detail: 'the proposer knows no such deal',
      });
      return;
    case 'commit':
      // Presumed void: a responder remembers what it accepted until it has heard the decision.
      turn.send(from, { kind: 'void', deal: message.deal });
      return;
    default:
      return;
  }
}

function signalOf(turn: Turn, deal: Deal, message: DealMessage): DealSignal {
  switch (message.kind) {
    case 'accept':
      return deal.phase === 'proposed' && deal.role === 'proposer'
        ? checkAcceptance(turn, deal, message)
        : { signal: 'accept', detail: '' };
    case 'decline':
      return { signal: 'decline', detail: `${message.reason}: ${message.detail}` };
    case 'abort':
      return { signal: 'abort', detail: message.detail };
    default:
      return { signal: message.kind };
  }
}

/** The proposer's own check: the exchange must pay by its own data, and break no limit. */
function checkAcceptance(
  turn: Turn,
  deal: Deal,
  message: DealMessage & { kind: 'accept' },
): DealSignal {
  const { state, nowMs } = turn;
  const refuse = (detail: string): DealSignal => ({ signal: 'accept', detail });
  const trading = whyNotTrading(state, nowMs);
  if (trading !== null) return refuse(trading.detail);
  const book = makeBook(state, nowMs);
  if (book === undefined || message.book.host !== deal.peer)
    return refuse('the books do not match');
  const { exchange } = message;
  const moves = movesOf(book, message.book, exchange);
  if (moves === undefined) return refuse('a claim of the exchange is not offered (any more)');
  const evaluation = evaluateExchange(book, message.book, exchange, state.config.cost);
  const [violation] = evaluation.violations;
  if (violation !== undefined) return refuse(violation.message);
  const isMeeting = exchange.take.length === 0 && exchange.give.length === 1;
  const meets =
    isMeeting &&
    exchange.give[0] === deal.meeting &&
    foundMeeting(state, book, message.book, deal.meeting) !== undefined;
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

function considerProposal(
  turn: Turn,
  from: HostId,
  message: DealMessage & { kind: 'propose' },
): void {
  const { state, nowMs } = turn;
  const decline = (reason: DeclineReason, detail: string) => {
    state.counts.declined += 1;
    turn.send(from, { kind: 'decline', deal: message.deal, reason, detail });
  };
  const trading = whyNotTrading(state, nowMs);
  if (trading !== null) return void decline(trading.reason, trading.detail);
  const undecided = undecidedDeal(state);
  if (undecided !== undefined) {
    const yields =
      undecided.phase === 'proposed' && undecided.peer === from && from < state.config.self;
    if (!yields) return void decline('busy', 'in another deal');
    endProposal(turn, undecided, 'the peer proposed at the same time, and its proposal stands');
  }
  const theirs = trustedBook(state, message.book, from);
  if (theirs === undefined) return void decline('refused', 'the book is not the sender’s own');
  const own = makeBook(state, nowMs);
  if (own === undefined) return void decline('not-measured', 'nothing is measured yet');
  const ours = cutBook(own, from, state.config.bookOffers);
  const { cost, search, minGainBitsPerSecond } = state.config;
  const gainful = bestExchange(theirs, ours, cost, { minGainBitsPerSecond, kind: search });
  const meeting = gainful === undefined ? message.meeting : undefined;
  const best = gainful ?? foundMeeting(state, theirs, ours, meeting);
  const moves = best === undefined ? undefined : movesOf(theirs, ours, best.exchange);
  if (best === undefined || moves === undefined)
    return void decline('no-gain', 'no exchange of the two books lowers the cost by the margin');
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

/** The peer's book without what it cannot offer; undefined when it speaks for somebody else. */
function trustedBook(state: HostState, book: Book, from: HostId): Book | undefined {
  if (book.host !== from) return undefined;
  const offers = book.offers.filter(({ claim }) => {
    if (claim.holder !== from) return false;
    const entry = state.homes.get(claim.domain);
    if (entry !== undefined) return entry.holder === from && entry.version === claim.version;
    return claim.home !== state.config.self && !state.holdings.has(claim.domain);
  });
  return { ...book, offers };
}

/** Lets the machine take one step and performs what it asks for. */
function drive(turn: Turn, deal: Deal, event: Parameters<typeof stepDeal>[1]): void {
  const { state } = turn;
  const { effects } = stepDeal(deal, event, state.config.timing);
  for (const effect of effects) {
    switch (effect.kind) {
      case 'persist':
        adopt(turn, effect.deal);
        break;
      case 'send':
        sendReply(turn, state.deals.get(deal.id) ?? deal, effect.message);
        break;
      case 'violation':
        turn.log(
          'warn',
          'deal-violation',
          `A peer broke the protocol: ${effect.signal} while ${deal.phase}.`,
          {
            deal: deal.id,
            peer: deal.peer,
            role: deal.role,
          },
        );
        break;
    }
  }
}

/** A deal enters a phase: durable, together with the claims that change hands by it and the receipt. */
function adopt(turn: Turn, deal: Deal): void {
  const { state, nowMs } = turn;
  state.deals.set(deal.id, deal);
  state.dealsDueAtMs = nowMs;
  turn.record({ kind: 'deal', key: deal.id, value: deal });
  if (deal.phase === 'accepted') return;
  state.acceptances.delete(deal.id);
  const decides = deal.role === 'proposer' ? 'committed' : 'done';
  if (deal.phase === decides) {
    for (const move of deal.moves) {
      if (move.claim.holder === state.config.self) giveClaim(turn, move, deal);
      else takeClaim(turn, move, deal);
    }
    state.counts.committed += 1;
    state.tradedAtMs = nowMs;
    state.backoffs.clear();
    turn.log('info', 'deal-committed', describe(state, deal), { deal: deal.id, peer: deal.peer });
  } else if (deal.phase === 'void') {
    for (const move of deal.moves) revertClaim(turn, move, deal);
    turn.log('warn', 'deal-void', `A deal was voided: ${deal.detail}.`, { deal: deal.id });
  } else if (deal.phase === 'aborted') {
    state.counts.aborted += 1;
    turn.log('debug', 'deal-aborted', `No deal: ${deal.detail}.`, {
      deal: deal.id,
      peer: deal.peer,
    });
  }
  if (deal.phase === 'proposed') return;
  const { id, role, peer, phase, exchange, gainBitsPerSecond, detail } = deal;
  const receipt = {
    kind: 'deal',
    atMs: nowMs,
    deal: id,
    role,
    peer,
    phase,
    ...exchange,
    gainBitsPerSecond,
    detail,
  } as const;
  turn.record({ kind: 'receipt', key: receiptKey(receipt), value: receipt });
}

function describe(state: HostState, deal: Deal): string {
  const names = (domains: readonly DomainId[]): string =>
    domains
      .map(
        (domain) => deal.moves.find((move) => move.claim.domain === domain)?.traits.name ?? domain,
      )
      .join(', ') || 'nothing';
  const [ours, theirs] =
    deal.role === 'proposer'
      ? [deal.exchange.give, deal.exchange.take]
      : [deal.exchange.take, deal.exchange.give];
  const megabits = (deal.gainBitsPerSecond / 1e6).toFixed(1);
  const peer = state.directory.hostName(deal.peer);
  return `Deal with ${peer}: we give ${names(ours)}, we take ${names(theirs)}; it saves ${megabits} Mbit/s · distance.`;
}

function sendReply(turn: Turn, deal: Deal, reply: DealReply): void {
  const { state, nowMs } = turn;
  turn.state.saidAtMs.set(`deal ${deal.id}`, nowMs);
  switch (reply) {
    case 'propose': {
      const book = makeBook(state, nowMs);
      if (book === undefined) return;
      turn.send(deal.peer, {
        kind: 'propose',
        deal: deal.id,
        expiresInMs: Math.max(0, deal.expiresAtMs - nowMs),
        book: cutBook(book, deal.peer, state.config.bookOffers),
        ...(deal.meeting === undefined ? {} : { meeting: deal.meeting }),
      });
      return;
    }
    case 'accept': {
      // After a restart there is nothing to repeat: asking for the decision ends the deal as well.
      const acceptance = state.acceptances.get(deal.id);
      if (acceptance !== undefined) turn.send(deal.peer, acceptance);
      return;
    }
    case 'abort':
      turn.send(deal.peer, { kind: 'abort', deal: deal.id, detail: deal.detail });
      return;
    default:
      turn.send(deal.peer, { kind: reply, deal: deal.id });
  }
}

/** A declined pair leaves each other alone for a while, longer each time, until something changes. */
function backOff(turn: Turn, peer: HostId, reason: DeclineReason): void {
  const { state, nowMs } = turn;
  const { backoffMs, backoffMaxMs, tradeEveryMs } = state.config.timing;
  // A busy peer is only busy now.
  if (reason === 'busy') {
    state.backoffs.set(peer, { untilMs: nowMs + tradeEveryMs / 2, count: 0 });
    return;
  }
  const count = (state.backoffs.get(peer)?.count ?? 0) + 1;
  const pauseMs = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(count - 1, 16));
  state.backoffs.set(peer, { untilMs: nowMs + pauseMs, count });
}

function forget(turn: Turn, deal: DealId): void {
  turn.state.deals.delete(deal);
  turn.state.saidAtMs.delete(`deal ${deal}`);
  turn.record({ kind: 'deal', key: deal, value: null });
}

/** How many claims this host holds, at home here and not. */
export function heldCount(state: HostState): number {
  return heldDomains(state).length;
}
