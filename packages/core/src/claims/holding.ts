/**
 * Claims changing hands, and holders and homes keeping each other informed.
 *
 * A holder renews its claim with the home well before the lease ends, and gets fresh traits and a fresh
 * row with the answer. A giver tells the home who holds the claim now, until the home has registered it.
 * A home takes a claim back when its holder has been silent for longer than the lease, or has never called the
 * domain (`idle.ts`).
 */

import type { ClaimMessage } from '../message.ts';
import type { DealId, DomainId, HostId, TrafficRow } from '../model/model.ts';
import type { HostState, HostTiming, Turn } from '../state.ts';
import type { ClaimMove, Deal } from '../trading/deal.ts';
import { isHeldHere, offerOf } from './book.ts';
import { type Holding, type HomeEntry, registerTransfer, rested, takenBack } from './claim.ts';
import { isIdle, withIdler } from './idle.ts';

/** Why a confirmed claim is not settled yet, until there is more to say. */
const restsText = 'it rests until trading around here is quiet, and what saves more comes first';
/** More than any host has run and does not run any more. */
const formerVersionsMax = 8_192;

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

/** Leases: renew ours, end what lapsed, take back what others let lapse. */
export function tickClaims(turn: Turn): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  // Most of the time no lease is about to end. One far ahead was set before the clock was put back.
  const tooFar = state.leasesDueAtMs - nowMs > 2 * timing.claimLeaseMs;
  if (nowMs < state.leasesDueAtMs && !tooFar) return;
  state.leasesDueAtMs = nowMs + timing.claimLeaseMs;
  for (const holding of state.holdings.values()) {
    const { domain, home, version } = holding.claim;
    noteLease(state, renewalMs(holding, timing));
    if (nowMs >= holding.leaseExpiresAtMs) {
      // What is arriving is decided by the migration, not by the lease.
      if (isArriving(turn, domain)) continue;
      turn.log(
        'info',
        'claim-lapsed',
        `The claim on ${holding.traits.name} lapsed: its home was silent.`,
        {
          domain,
          home,
        },
      );
      dropHolding(turn, domain);
    } else if (holding.givenTo !== null) {
      if (turn.due(`transfer ${domain}`))
        turn.send(home, transferMessage(domain, version, holding.givenTo, holding.deal));
    } else {
      const left = holding.leaseExpiresAtMs - nowMs;
      if (renewalMs(holding, timing) > nowMs) continue;
      const often = !holding.confirmed || left < timing.claimLeaseMs / 3;
      if (turn.due(`renew ${domain}`, often ? timing.resendMs : timing.claimLeaseMs / 3))
        turn.send(home, { kind: 'renew', domain, version });
    }
  }
  for (const entry of state.homes.values()) {
    if (entry.leaseExpiresAtMs === null || entry.settlement !== null) continue;
    noteLease(state, entry.leaseExpiresAtMs);
    if (nowMs >= entry.leaseExpiresAtMs)
      takeBack(turn, entry, 'its holder was silent for longer than the lease');
  }
}

/** When a holding next needs something done at a tick: what is not confirmed, or is given on, at every one. */
function renewalMs(holding: Holding, { claimLeaseMs }: HostTiming): number {
  if (!holding.confirmed || holding.givenTo !== null) return 0;
  return holding.leaseExpiresAtMs - (2 * claimLeaseMs) / 3;
}

function noteLease(state: HostState, dueAtMs: number): void {
  if (dueAtMs < state.leasesDueAtMs) state.leasesDueAtMs = dueAtMs;
}

/** Takes back what others renew and never call. Half an hour is nothing to be measured at every tick. */
export function tickIdleClaims(turn: Turn): void {
  const { state, nowMs } = turn;
  for (const entry of state.homes.values()) {
    if (entry.leaseExpiresAtMs === null || !isIdle(state, entry, nowMs)) continue;
    const seconds = Math.round((nowMs - (entry.awaitedSinceMs ?? nowMs)) / 1000);
    const why = `it was renewed for ${seconds} s without the domain being called`;
    takeBack(turn, withIdler(entry, state.config.timing, nowMs), why);
  }
}

export function receiveClaimMessage(
  turn: Turn,
  from: HostId,
  message: Exclude<ClaimMessage, { kind: 'hurry' }>,
): void {
  switch (message.kind) {
    case 'transfer':
      receiveTransfer(turn, from, message);
      return;
    case 'renew':
      receiveRenew(turn, from, message);
      return;
    case 'transferred': {
      const holding = turn.state.holdings.get(message.domain);
      const ours = holding?.givenTo !== null && holding?.claim.home === from;
      if (ours && holding.claim.version === message.version) dropHolding(turn, message.domain);
      return;
    }
    case 'renewed':
      receiveRenewed(turn, from, message);
      return;
    case 'revoked': {
      const holding = turn.state.holdings.get(message.domain);
      if (holding === undefined || holding.claim.home !== from) return;
      // The giver has not told the home yet: the lease decides, not this answer.
      if (message.version < holding.claim.version || isArriving(turn, message.domain)) return;
      turn.log(
        'info',
        'claim-revoked',
        `The claim on ${holding.traits.name} is void: ${message.detail}.`,
        {
          domain: message.domain,
          home: from,
        },
      );
      dropHolding(turn, message.domain);
      return;
    }
  }
}

function receiveTransfer(
  turn: Turn,
  from: HostId,
  message: ClaimMessage & { kind: 'transfer' },
): void {
  const { state, nowMs } = turn;
  const { self, timing } = state.config;
  const { domain, version, to } = message;
  const entry = state.homes.get(domain);
  if (entry === undefined) {
    revoke(turn, from, domain, 'the domain is not at home here');
    return;
  }
  const verdict = registerTransfer(entry, { from, to, version, self }, nowMs + timing.claimLeaseMs);
  if (verdict.verdict === 'revoked') {
    revoke(turn, from, domain, 'another holder is registered');
    return;
  }
  if (verdict.verdict === 'registered')
    setHome(turn, to === self ? rested(verdict.entry, nowMs) : verdict.entry);
  turn.send(from, { kind: 'transferred', domain, version });
  if (verdict.verdict === 'registered' && to === self) bringGroupHome(turn, domain);
}

function receiveRenew(turn: Turn, from: HostId, message: ClaimMessage & { kind: 'renew' }): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  const { domain, version } = message;
  // After a restart nothing is known before the first measurement: better late than wrong.
  if (state.sample === null) return;
  const entry = state.homes.get(domain);
  const offer = entry === undefined ? undefined : offerOf(state, domain);
  if (entry === undefined || offer === undefined) {
    revoke(turn, from, domain, 'the domain is not running at home');
  } else if (entry.holder !== from || entry.version !== version) {
    revoke(turn, from, domain, 'another holder is registered');
  } else {
    setHome(turn, { ...entry, leaseExpiresAtMs: nowMs + timing.claimLeaseMs }, false);
    turn.send(from, { kind: 'renewed', domain, version, leaseMs: timing.claimLeaseMs, offer });
  }
}

function receiveRenewed(
  turn: Turn,
  from: HostId,
  message: ClaimMessage & { kind: 'renewed' },
): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  const holding = state.holdings.get(message.domain);
  if (holding === undefined || holding.claim.home !== from || holding.givenTo !== null) return;
  if (holding.claim.version !== message.version) return;
  if (message.offer.claim.domain !== message.domain) return;
  // The home counted from when our question arrived; a resend at most earlier than that it was sent.
  const leaseMs = Math.max(0, Math.min(message.leaseMs, timing.claimLeaseMs) - 2 * timing.resendMs);
  const renewed: Holding = {
    ...holding,
    traits: message.offer.traits,
    row: message.offer.row,
    confirmed: true,
    leaseExpiresAtMs: nowMs + leaseMs,
  };
  // A renewal alone is not worth a write: after a crash the claim is renewed before it is used.
  state.paperLoad = undefined;
  if (renewed.row !== holding.row) {
    state.information.partnersFrom = undefined;
    state.information.interestChanged ||= !hasSamePartners(renewed.row, holding.row);
  }
  noteLease(state, renewalMs(renewed, timing));
  if (holding.confirmed) state.holdings.set(message.domain, renewed);
  else setHolding(turn, { ...renewed, waiting: restsText });
}

function hasSamePartners(one: TrafficRow, other: TrafficRow): boolean {
  return (
    one.length === other.length && one.every(({ partner }, n) => partner === other[n]?.partner)
  );
}

function revoke(turn: Turn, to: HostId, domain: DomainId, detail: string): void {
  const version =
    turn.state.homes.get(domain)?.version ?? turn.state.directory.find(domain)?.version ?? 0;
  // A home that knows the domain no more says so with a version above every claim on it.
  const known = turn.state.homes.has(domain) ? version : Math.max(version, Number.MAX_SAFE_INTEGER);
  turn.send(to, { kind: 'revoked', domain, version: known, detail });
}

/**
 * A domain stays where it is after all. What is to be kept together with it, is here as well and was to leave, stays too:
 * agreed was that they go together. What is migrating already goes.
 */
export function bringGroupHome(turn: Turn, domain: DomainId): void {
  const { homes, config } = turn.state;
  const staying = homes.get(domain);
  const group = staying === undefined ? undefined : groupOf(turn, staying);
  if (staying === undefined || group === undefined) return;
  for (const entry of homes.values()) {
    if (entry.holder === config.self || entry.settlement !== null) continue;
    if (groupOf(turn, entry) !== group) continue;
    takeBack(turn, entry, `${staying.name} of its keep-together group stays`);
  }
}

/** By its definition here, or what was known of that before the agent started and has not measured yet. */
function groupOf({ state }: Turn, { domain, policy }: HomeEntry): string | undefined {
  const known = state.sample === null ? policy : state.samples.get(domain)?.traits.policy;
  return known?.keepTogether;
}

/** The home ends a claim that another host holds. */
export function takeBack(turn: Turn, entry: HomeEntry, why: string): void {
  const { state, nowMs } = turn;
  const taken = takenBack(entry, state.config.self);
  setHome(turn, taken);
  state.refused.delete(entry.domain);
  if (entry.holder === state.config.self) return;
  turn.send(entry.holder, {
    kind: 'revoked',
    domain: entry.domain,
    version: taken.version,
    detail: why,
  });
  turn.file({
    kind: 'fact',
    atMs: nowMs,
    domain: entry.domain,
    detail: `claim taken back from ${state.directory.hostName(entry.holder)}: ${why}`,
  });
  turn.log('info', 'claim-taken-back', `Took the claim on ${entry.name} back: ${why}.`, {
    domain: entry.domain,
    holder: entry.holder,
  });
  bringGroupHome(turn, entry.domain);
}

export function setHome(turn: Turn, changed: HomeEntry, durable = true): void {
  const { homes, information, config } = turn.state;
  const { domain, holder, version } = changed;
  const { awaitedSinceMs, ...atHome } = changed;
  const entry: HomeEntry =
    holder === config.self ? atHome : { ...atHome, awaitedSinceMs: awaitedSinceMs ?? turn.nowMs };
  const before = homes.get(domain);
  const wasHeld = isHeldHere(turn.state, domain);
  homes.set(domain, entry);
  if (entry.leaseExpiresAtMs !== null && entry.settlement === null)
    noteLease(turn.state, entry.leaseExpiresAtMs);
  if (before?.holder !== holder || before.version !== version) {
    information.news.add(domain);
    if (before !== undefined || !wasHeld) information.revision += 1;
    information.interestChanged ||= before === undefined;
    turn.state.paperLoad = undefined;
  }
  if (durable) turn.record({ kind: 'home', key: domain, value: entry });
}

export function dropHome(turn: Turn, domain: DomainId): void {
  const { homes, refused, information } = turn.state;
  rememberVersion(turn, homes.get(domain));
  const wasHeld = isHeldHere(turn.state, domain);
  homes.delete(domain);
  refused.delete(domain);
  information.news.add(domain);
  // What was held elsewhere has settled there: on paper it had left before.
  if (wasHeld) information.revision += 1;
  information.interestChanged = true;
  turn.state.paperLoad = undefined;
  turn.record({ kind: 'home', key: domain, value: null });
}

/** It is at home here again, with a version above that one. */
export function forgetVersion(turn: Turn, domain: DomainId): void {
  if (turn.state.formerVersions.delete(domain))
    turn.record({ kind: 'former', key: domain, value: null });
}

/** Should the domain come back, its versions go on from here: a claim of before may still be held somewhere. */
function rememberVersion(turn: Turn, entry: HomeEntry | undefined): void {
  if (entry === undefined) return;
  const { formerVersions } = turn.state;
  const { domain, version } = entry;
  formerVersions.delete(domain);
  formerVersions.set(domain, version);
  turn.record({ kind: 'former', key: domain, value: { version } });
  const [oldest] = formerVersions.keys();
  if (formerVersions.size > formerVersionsMax && oldest !== undefined) forgetVersion(turn, oldest);
}

export function setHolding(turn: Turn, holding: Holding): void {
  const { holdings, information } = turn.state;
  const { domain } = holding.claim;
  const before = holdings.get(domain);
  if (before === undefined || before.givenTo !== holding.givenTo) {
    information.revision += 1;
    information.interestChanged = true;
  }
  holdings.set(domain, holding);
  noteLease(turn.state, renewalMs(holding, turn.state.config.timing));
  turn.state.paperLoad = undefined;
  turn.record({ kind: 'holding', key: domain, value: holding });
}

export function dropHolding(turn: Turn, domain: DomainId): void {
  const { holdings, information } = turn.state;
  const wasHeld = isHeldHere(turn.state, domain);
  holdings.delete(domain);
  turn.state.nextInLine.delete(domain);
  turn.state.paperLoad = undefined;
  // What is at home here by now has settled: on paper it came before.
  if (wasHeld !== isHeldHere(turn.state, domain)) information.revision += 1;
  information.interestChanged = true;
  turn.state.saidAtMs.delete(`renew ${domain}`);
  turn.state.saidAtMs.delete(`transfer ${domain}`);
  turn.record({ kind: 'holding', key: domain, value: null });
}

function isArriving(turn: Turn, domain: DomainId): boolean {
  for (const reservation of turn.state.reservations.values())
    if (reservation.domain === domain && reservation.phase !== 'asking') return true;
  return false;
}

function transferMessage(
  domain: DomainId,
  version: number,
  to: HostId,
  deal: DealId,
): ClaimMessage {
  return { kind: 'transfer', domain, version, to, deal };
}
