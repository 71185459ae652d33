/**
 * Holders and homes keeping each other informed. A holder renews its claim with the home well before the lease ends; a home
 * takes a claim back when its holder has been silent for longer than the lease, or has never called the domain (`idle.ts`).
 */

import type { DomainId } from '../model/model.ts';
import type { Turn } from '../state.ts';
import { takeBack } from './coming-home.ts';
import { transferMessage } from './holding.ts';
import { isIdle, withIdler } from './idle.ts';
import { dropHolding, noteLease, renewalMs } from './registers.ts';

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

export function isArriving(turn: Turn, domain: DomainId): boolean {
  for (const reservation of turn.state.reservations.values())
    if (reservation.domain === domain && reservation.phase !== 'asking') return true;
  return false;
}
