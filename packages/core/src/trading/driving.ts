/**
 * Drives one deal's machine: what it persists, what changes hands in the same transaction, and what is said.
 */

import { heldDomains, paperLoad, rowOf } from '../claims/book.ts';
import { giveClaim, revertClaim, takeClaim } from '../claims/holding.ts';
import { aboveLimits } from '../claims/limits.ts';
import { cutBook, makeBook } from '../claims/offering.ts';
import { noteDeal, noteSilence } from '../credibility/charges.ts';
import { isFruitless } from '../credibility/standing.ts';
import type { Book, DealId, DomainId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { type Deal, type DealReply, isOpen, stepDeal } from './deal.ts';
import { relieved } from './over-limit.ts';
import { rest, wake } from './prospects.ts';

const significantShare = 0.02;

/** Lets the machine take one step and performs what it asks for. */
export function drive(turn: Turn, deal: Deal, event: Parameters<typeof stepDeal>[1]): void {
  const { state } = turn;
  const { effects } = stepDeal(deal, event, state.config.timing);
  for (const effect of effects) {
    switch (effect.kind) {
      case 'persist':
        adopt(turn, effect.deal);
        if (event.kind === 'ticked' && effect.deal.phase !== 'done') lapse(turn, effect.deal);
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

/** Nobody answered in time. One lost answer is no reason to leave a peer alone; that it never answers is. */
function lapse(turn: Turn, deal: Deal): void {
  noteSilence(turn, deal);
  if (isFruitless(turn.state, deal.peer)) rest(turn.state, deal.peer, turn.nowMs);
}

/** The deal is as it is now; a tick looks at it while it is open. */
export function enterDeal(state: HostState, deal: Deal): void {
  state.deals.set(deal.id, deal);
  if (isOpen(deal)) state.openDeals.set(deal.id, deal);
  else state.openDeals.delete(deal.id);
}

/** A deal enters a phase: durable, together with the claims that change hands by it and the receipt. */
export function adopt(turn: Turn, deal: Deal): void {
  const { state, nowMs } = turn;
  enterDeal(state, deal);
  turn.record({ kind: 'deal', key: deal.id, value: deal });
  if (deal.phase === 'accepted') return;
  state.acceptances.delete(deal.id);
  state.proposals.delete(deal.id);
  const decides = deal.role === 'proposer' ? 'committed' : 'done';
  if (deal.phase === decides) {
    const before = aboveLimits(state);
    for (const move of deal.moves) {
      if (move.claim.holder === state.config.self) giveClaim(turn, move, deal);
      else takeClaim(turn, move, deal);
    }
    state.counts.committed += 1;
    noteDeal(state, deal.peer);
    if (isSignificant(state, deal)) state.tradedAtMs = nowMs;
    wake(state, nowMs);
    // The next sample shows nothing but what has just been told to all.
    if (state.priced.load !== undefined) state.priced.load = paperLoad(state);
    turn.log('info', 'deal-committed', `${describe(state, deal)}${relieved(state, deal, before)}`, {
      deal: deal.id,
      peer: deal.peer,
    });
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
  turn.file({
    kind: 'deal',
    atMs: nowMs,
    deal: id,
    role,
    peer,
    phase,
    ...exchange,
    gainBitsPerSecond,
    detail,
  });
}

/**
 * A deal that saves less than a fiftieth of what the domains here send is one of the last: what is still to
 * be gained by waiting for more of them is not worth waiting for.
 */
function isSignificant(state: HostState, { gainBitsPerSecond }: Deal): boolean {
  if (state.config.cost.affinityWeight === 0) return true;
  let sent = 0;
  for (const domain of heldDomains(state))
    for (const { bitsPerSecond } of rowOf(state, domain)) sent += bitsPerSecond;
  return gainBitsPerSecond >= significantShare * sent;
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

function bookFor(state: HostState, deal: Deal, nowMs: number): Book | undefined {
  const book = makeBook(state, nowMs, deal.peer);
  return book === undefined ? undefined : cutBook(book, deal.peer, state.config.bookOffers);
}

export function sendReply(turn: Turn, deal: Deal, reply: DealReply): void {
  const { state, nowMs } = turn;
  turn.state.saidAtMs.set(`deal ${deal.id}`, nowMs);
  switch (reply) {
    case 'propose': {
      const book = state.proposals.get(deal.id) ?? bookFor(state, deal, nowMs);
      if (book === undefined) return;
      state.proposals.set(deal.id, book);
      turn.send(deal.peer, {
        kind: 'propose',
        deal: deal.id,
        expiresInMs: Math.max(0, deal.expiresAtMs - nowMs),
        book,
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

export function forget(turn: Turn, deal: DealId): void {
  turn.state.deals.delete(deal);
  turn.state.openDeals.delete(deal);
  turn.state.saidAtMs.delete(`deal ${deal}`);
  turn.record({ kind: 'deal', key: deal, value: null });
}
