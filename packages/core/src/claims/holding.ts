/**
 * Claims changing hands by a deal: given, taken, and given back when the deal turns out void. A giver tells the home who
 * holds the claim now, until the home has registered it.
 */

import type { ClaimMessage } from '../message.ts';
import type { DealId, DomainId, HostId } from '../model/model.ts';
import type { Turn } from '../state.ts';
import type { ClaimMove, Deal } from '../trading/deal.ts';
import { registerTransfer } from './claim.ts';
import { takeBack } from './coming-home.ts';
import { dropHolding, setHolding, setHome } from './registers.ts';

/** We give a claim away: by our own register if the domain is at home here, else by telling its home. */
export function giveClaim(turn: Turn, move: ClaimMove, deal: Deal): void {
  const { state, nowMs } = turn;
  const { self, timing } = state.config;
  const { domain } = move.claim;
  const entry = state.homes.get(domain);
  tell(turn, move, move.to);
  if (entry !== undefined) {
    const transfer = { from: self, to: move.to, version: move.newVersion, self };
    const verdict = registerTransfer(entry, transfer, nowMs + timing.claimLeaseMs);
    if (verdict.verdict === 'registered') setHome(turn, verdict.entry);
    return;
  }
  const holding = state.holdings.get(domain);
  if (holding === undefined) return;
  // The taker is the home: it registers by its own commit, and nobody else needs to be told.
  if (move.to === move.claim.home) {
    dropHolding(turn, domain);
    return;
  }
  const claim = { ...holding.claim, holder: move.to, version: move.newVersion };
  setHolding(turn, { ...holding, claim, givenTo: move.to, deal: deal.id });
  turn.send(claim.home, transferMessage(domain, move.newVersion, move.to, deal.id));
}

/** A deal is known here before its domain's home has registered it. */
function tell(turn: Turn, move: ClaimMove, holder: HostId): void {
  const { home, domain } = move.claim;
  const told = { home, holder, version: move.newVersion, name: move.traits.name };
  turn.state.directory.learnDomain(domain, told, false, turn.nowMs);
}

/** We take a claim: by our own register if the domain is at home here, else on lease from its home. */
export function takeClaim(turn: Turn, move: ClaimMove, deal: Deal): void {
  const { state, nowMs } = turn;
  const { self, timing } = state.config;
  const { domain } = move.claim;
  const entry = state.homes.get(domain);
  tell(turn, move, self);
  if (entry !== undefined) {
    const transfer = { from: move.claim.holder, to: self, version: move.newVersion, self };
    const verdict = registerTransfer(entry, transfer, nowMs);
    if (verdict.verdict === 'registered') setHome(turn, verdict.entry);
    return;
  }
  if (move.claim.home === self) return;
  setHolding(turn, {
    claim: { ...move.claim, holder: self, version: move.newVersion },
    traits: move.traits,
    row: move.row,
    deal: deal.id,
    acquiredAtMs: nowMs,
    leaseExpiresAtMs: nowMs + timing.claimLeaseMs,
    confirmed: false,
    givenTo: null,
    ...(deal.meeting === domain ? { meeting: true as const } : {}),
    settleNotBeforeMs: 0,
    waiting: 'its home has not confirmed the claim yet',
  });
  turn.send(move.claim.home, { kind: 'renew', domain, version: move.newVersion });
}

/** The deal is void: what we gave comes home, what we took was never ours. */
export function revertClaim(turn: Turn, move: ClaimMove, deal: Deal): void {
  const { state } = turn;
  const { domain } = move.claim;
  const entry = state.homes.get(domain);
  if (entry !== undefined) {
    const given = move.claim.holder === state.config.self;
    const untouched = entry.version === move.claim.version || entry.version === move.newVersion;
    if (given && untouched && entry.settlement === null) takeBack(turn, entry, deal.detail);
    return;
  }
  const holding = state.holdings.get(domain);
  if (deal.role === 'proposer' && holding?.claim.version === move.newVersion)
    dropHolding(turn, domain);
}

export function transferMessage(
  domain: DomainId,
  version: number,
  to: HostId,
  deal: DealId,
): ClaimMessage {
  return { kind: 'transfer', domain, version, to, deal };
}
