/**
 * What homes and holders tell each other about claims. A renewal is answered with fresh traits and a fresh row; whoever
 * holds a claim that its home does not know of is told so.
 */

import type { ClaimMessage } from '../message.ts';
import type { DomainId, HostId } from '../model/model.ts';
import { hasSamePartners, isSameRow } from '../model/row.ts';
import { isSameTraits } from '../model/traits.ts';
import type { Turn } from '../state.ts';
import { type Holding, registerTransfer, restsText } from './claim.ts';
import { bringGroupHome } from './coming-home.ts';
import { givenBack } from './given-back.ts';
import { isArriving } from './leases.ts';
import { offerOf } from './offering.ts';
import { dropHolding, setHolding, setHome } from './registers.ts';

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
    setHome(turn, to === self ? givenBack(verdict.entry, entry, timing, nowMs) : verdict.entry);
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
  // What is as it was stays the very same, so that the book and all that follows from it stand.
  const { traits, row } = message.offer;
  const renewed: Holding = {
    ...holding,
    traits: isSameTraits(traits, holding.traits) ? holding.traits : traits,
    row: isSameRow(row, holding.row) ? holding.row : row,
    confirmed: true,
    leaseExpiresAtMs: nowMs + leaseMs,
  };
  if (renewed.row !== holding.row) {
    state.information.partnersFrom = undefined;
    state.information.interestChanged ||= !hasSamePartners(renewed.row, holding.row);
  }
  // A renewal alone is not worth a write: after a crash the claim is renewed before it is used.
  if (holding.confirmed) setHolding(turn, renewed, false);
  else setHolding(turn, { ...renewed, waiting: restsText });
}

function revoke(turn: Turn, to: HostId, domain: DomainId, detail: string): void {
  const version =
    turn.state.homes.get(domain)?.version ?? turn.state.directory.find(domain)?.version ?? 0;
  // A home that knows the domain no more says so with a version above every claim on it.
  const known = turn.state.homes.has(domain) ? version : Math.max(version, Number.MAX_SAFE_INTEGER);
  turn.send(to, { kind: 'revoked', domain, version: known, detail });
}
