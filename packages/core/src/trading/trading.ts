/**
 * Trading: drives the deals of one host. Proposes when there is something to gain, answers proposals with
 * the best exchange of both books, checks acceptances against its own data, and lets claims change hands
 * in the transaction that decides.
 *
 * A host is in one undecided deal at a time; a busy host declines at once; when two proposals cross, the
 * one from the smaller peer id stands.
 */

import { noteDecline, noteWord } from '../credibility/charges.ts';
import type { DealMessage } from '../message.ts';
import type { HostId } from '../model/model.ts';
import type { Turn } from '../state.ts';
import { checkAcceptance, considerProposal } from './answering.ts';
import { type Deal, type DealSignal, isOpen } from './deal.ts';
import { drive, forget } from './driving.ts';
import { tickMeetings } from './meeting.ts';
import { backOff } from './proposing.ts';

/** Moves every open deal on: resends, expires. Forgets those that ended long ago. */
export function tickDeals(turn: Turn): void {
  tickMeetings(turn);
  const { state, nowMs } = turn;
  for (const deal of state.openDeals.values()) {
    if (nowMs < deal.expiresAtMs && !turn.due(`deal ${deal.id}`)) continue;
    drive(turn, deal, { kind: 'ticked', nowMs });
  }
  forgetEnded(turn);
}

function forgetEnded(turn: Turn): void {
  const { state, nowMs } = turn;
  const { historyMs } = state.config.timing;
  // Most of the time none is old enough. One that ends later than this looks is due later, too.
  const tooFar = state.forgetDueAtMs - nowMs > historyMs;
  if (nowMs < state.forgetDueAtMs && !tooFar) return;
  let dueAtMs = nowMs + historyMs;
  for (const deal of state.deals.values()) {
    if (isOpen(deal)) continue;
    const forgetAtMs = (deal.endedAtMs ?? 0) + historyMs;
    if (nowMs > forgetAtMs) forget(turn, deal.id);
    else dueAtMs = Math.min(dueAtMs, forgetAtMs);
  }
  state.forgetDueAtMs = dueAtMs;
}

/** After a restart the journal's deals go on from their last durable phase. */
export function restartDeals(turn: Turn): void {
  for (const deal of [...turn.state.deals.values()]) {
    if (isOpen(deal)) drive(turn, deal, { kind: 'restarted', nowMs: turn.nowMs });
  }
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
  noteWord(state, from, message);
  if (message.kind === 'decline') {
    if (deal.phase === 'proposed') noteDecline(turn, deal, message.reason);
    backOff(turn, from, message.reason, message.revision);
  }
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
