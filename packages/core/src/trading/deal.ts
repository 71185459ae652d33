/**
 * A deal: how two hosts agree that claims change hands.
 *
 * The proposer alone decides. Until it has persisted `committed` it may abort; from then on the deal
 * stands. A responder that has accepted is in doubt: it asks, and never guesses. When the decision does
 * not come for so long that the claims' homes take them back, the deal is void: it binds nobody, and the
 * proposer learns so when it asks (see `claim.ts` for why that is safe).
 *
 *   proposer    proposed ── accept ─────────────▶ committed ── acknowledge, patience ends ──▶ done
 *               proposed ── decline, expiry ────▶ aborted      committed ── void ───────────▶ void
 *   responder   accepted ── commit ─────────────▶ done
 *               accepted ── abort ──────────────▶ aborted
 *               accepted ── patience ends ──────▶ void
 *
 * Pure: no clock, no randomness, no I/O. The runtime performs effects in the order given and waits for
 * each `persist` to be durable before the next. This machine moves no claims: whoever drives it does, in
 * the same transaction as the `persist` that enters `committed` (proposer) or `done` (responder).
 */

import { assert } from '../assert.ts';
import type {
  Claim,
  DealId,
  DomainId,
  DomainTraits,
  Exchange,
  HostId,
  TrafficRow,
} from '../model/model.ts';

/** One claim that a deal moves: as it was, and the version it gets. */
export type ClaimMove = Readonly<{
  claim: Claim;
  to: HostId;
  newVersion: number;
  traits: DomainTraits;
  row: TrafficRow;
}>;

export type DealPhase = 'proposed' | 'accepted' | 'committed' | 'done' | 'aborted' | 'void';

export type Deal = Readonly<{
  id: DealId;
  role: 'proposer' | 'responder';
  peer: HostId;
  phase: DealPhase;
  exchange: Exchange;
  /** Empty while proposed: the responder chooses what moves. */
  moves: readonly ClaimMove[];
  gainBitsPerSecond: number;
  /** The domain that may come although nothing is gained yet; see `meeting.ts`. */
  meeting?: DomainId;
  startedAtMs: number;
  /** `proposed`: when it gives up. `accepted` and `committed`: when patience ends. */
  expiresAtMs: number;
  endedAtMs: number | null;
  /** Why it ended as it did; one sentence. */
  detail: string;
}>;

/** What the peer said, reduced to what the machine needs. */
export type DealSignal =
  | Readonly<{ signal: 'propose' }>
  /** `terms` is present when the proposer's own check of the exchange agrees with the responder. */
  | Readonly<{
      signal: 'accept';
      terms?: Readonly<{
        exchange: Exchange;
        moves: readonly ClaimMove[];
        gainBitsPerSecond: number;
      }>;
      detail: string;
    }>
  | Readonly<{ signal: 'decline'; detail: string }>
  | Readonly<{ signal: 'commit' | 'inquire' | 'acknowledge' | 'void' }>
  | Readonly<{ signal: 'abort'; detail: string }>;

export type DealEvent =
  | (Readonly<{ kind: 'received'; nowMs: number }> & DealSignal)
  | Readonly<{ kind: 'ticked'; nowMs: number }>
  | Readonly<{ kind: 'restarted'; nowMs: number }>;

export type DealReply =
  | 'propose'
  | 'accept'
  | 'commit'
  | 'abort'
  | 'inquire'
  | 'acknowledge'
  | 'void';

export type DealEffect =
  | Readonly<{ kind: 'persist'; deal: Deal }>
  | Readonly<{ kind: 'send'; message: DealReply }>
  | Readonly<{ kind: 'violation'; signal: DealSignal['signal'] }>;

export type DealStep = Readonly<{ deal: Deal; effects: readonly DealEffect[] }>;

/** How long a side stays bound to a peer that has gone silent before the homes' leases decide. */
export type DealPatience = Readonly<{ committedMs: number }>;

export function stepDeal(deal: Deal, event: DealEvent, patience: DealPatience): DealStep {
  switch (event.kind) {
    case 'received':
      return deal.role === 'proposer'
        ? proposerReceives(deal, event, patience)
        : responderReceives(deal, event);
    case 'ticked':
      return tick(deal, event.nowMs);
    case 'restarted':
      return restart(deal, event.nowMs);
  }
}

export function isOpen(deal: Deal): boolean {
  return deal.phase === 'proposed' || deal.phase === 'accepted' || deal.phase === 'committed';
}

function proposerReceives(
  deal: Deal,
  event: DealEvent & { kind: 'received' },
  patience: DealPatience,
): DealStep {
  switch (event.signal) {
    case 'accept':
      if (deal.phase !== 'proposed') return repeatDecision(deal);
      return event.terms === undefined
        ? enter(deal, 'aborted', event.nowMs, event.detail, ['abort'])
        : commit(deal, event.terms, event.nowMs, patience);
    case 'inquire':
      // Asked before the acceptance arrived: repeating the proposal makes the responder repeat it.
      return deal.phase === 'proposed' ? send(deal, 'propose') : repeatDecision(deal);
    case 'decline':
      // A peer may decline one copy of a proposal and accept the next: too late, it means nothing.
      return deal.phase === 'proposed'
        ? enter(deal, 'aborted', event.nowMs, event.detail)
        : stay(deal);
    case 'acknowledge':
      if (deal.phase === 'committed')
        return enter(deal, 'done', event.nowMs, 'both hosts have recorded it');
      return deal.phase === 'done' ? stay(deal) : violation(deal, event.signal);
    case 'void':
      if (deal.phase === 'proposed')
        return enter(deal, 'aborted', event.nowMs, 'the peer waited too long for the decision');
      if (deal.phase === 'committed')
        return enter(deal, 'void', event.nowMs, 'the peer waited too long for the decision');
      return deal.phase === 'void' || deal.phase === 'aborted' || deal.phase === 'done'
        ? stay(deal)
        : violation(deal, event.signal);
    default:
      return violation(deal, event.signal);
  }
}

/** The decision never changes once it is durable; whoever missed it hears it again. */
function repeatDecision(deal: Deal): DealStep {
  switch (deal.phase) {
    case 'aborted':
      return send(deal, 'abort');
    case 'void':
      return stay(deal);
    default:
      return send(deal, 'commit');
  }
}

function responderReceives(deal: Deal, event: DealEvent & { kind: 'received' }): DealStep {
  switch (event.signal) {
    case 'propose':
      // Our answer was lost, or the network repeated the proposal.
      return deal.phase === 'accepted' ? send(deal, 'accept') : stay(deal);
    case 'commit':
      if (deal.phase === 'accepted')
        return enter(deal, 'done', event.nowMs, 'both hosts have recorded it', ['acknowledge']);
      if (deal.phase === 'done') return send(deal, 'acknowledge');
      return deal.phase === 'void' ? send(deal, 'void') : violation(deal, event.signal);
    case 'abort':
      if (deal.phase === 'accepted') return enter(deal, 'aborted', event.nowMs, event.detail);
      return deal.phase === 'done' ? violation(deal, event.signal) : stay(deal);
    default:
      return violation(deal, event.signal);
  }
}

/** Whoever waits resends, so a lost message costs one tick and never the deal. */
function tick(deal: Deal, nowMs: number): DealStep {
  const expired = nowMs >= deal.expiresAtMs;
  switch (deal.phase) {
    case 'proposed':
      return expired
        ? enter(deal, 'aborted', nowMs, 'the peer did not answer in time')
        : send(deal, 'propose');
    case 'accepted':
      return expired
        ? enter(deal, 'void', nowMs, 'the proposer never said what it decided', ['void'])
        : send(deal, 'inquire');
    case 'committed':
      return expired
        ? enter(deal, 'done', nowMs, 'the peer never acknowledged; leases decide about the claims')
        : send(deal, 'commit');
    default:
      return stay(deal);
  }
}

/** The journal holds the last durable deal; effects after it may or may not have happened. */
function restart(deal: Deal, nowMs: number): DealStep {
  // The load that justified a proposal is stale by now, and nobody is bound yet.
  if (deal.phase === 'proposed')
    return enter(deal, 'aborted', nowMs, 'the agent restarted before the peer answered');
  return tick(deal, nowMs);
}

function commit(
  deal: Deal,
  terms: NonNullable<(DealSignal & { signal: 'accept' })['terms']>,
  nowMs: number,
  patience: DealPatience,
): DealStep {
  assert(deal.phase === 'proposed', `commit of a deal that is ${deal.phase}`);
  const committed: Deal = {
    ...deal,
    ...terms,
    phase: 'committed',
    expiresAtMs: nowMs + patience.committedMs,
  };
  return {
    deal: committed,
    effects: [
      { kind: 'persist', deal: committed },
      { kind: 'send', message: 'commit' },
    ],
  };
}

function enter(
  deal: Deal,
  phase: DealPhase,
  nowMs: number,
  detail: string,
  tell: readonly DealReply[] = [],
): DealStep {
  const entered: Deal = { ...deal, phase, detail, endedAtMs: nowMs };
  return {
    deal: entered,
    effects: [
      { kind: 'persist', deal: entered },
      ...tell.map((message) => ({ kind: 'send', message }) as const),
    ],
  };
}

function send(deal: Deal, message: DealReply): DealStep {
  return { deal, effects: [{ kind: 'send', message }] };
}

/** A peer's misbehaviour is an operating error: report it, keep our state, never throw. */
function violation(deal: Deal, signal: DealSignal['signal']): DealStep {
  return { deal, effects: [{ kind: 'violation', signal }] };
}

function stay(deal: Deal): DealStep {
  return { deal, effects: [] };
}
