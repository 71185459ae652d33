/**
 * What a host does with the times in its journal when it starts again. They were written by a clock that may have
 * been set since, either way, so none of them is taken at its word: what others rely on lasts once more from now on
 * and is released no earlier, and what waits for a moment waits no longer than it could have from now on.
 *
 * Two things may end early: the rest of a domain that has moved, when the clock was set forward, because to let all
 * that ever moved rest anew would hold everything up at each start; and the patience with an open deal, when the clock
 * was set either way, which is void or done then as if its time had passed.
 */

import { type HomeEntry, restMaxMs } from './claims/claim.ts';
import { awaitedAnew } from './claims/idle.ts';
import type { HostTiming } from './config.ts';
import { restartSending } from './settlement/sending.ts';
import type { Turn } from './state.ts';
import { type Deal, isOpen } from './trading/deal.ts';
import { enterDeal } from './trading/driving.ts';
import { restartDeals } from './trading/trading.ts';

export function restart(turn: Turn): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  for (const [domain, holding] of state.holdings) {
    // Nothing is used before its home has confirmed it again.
    state.holdings.set(domain, {
      ...holding,
      confirmed: false,
      leaseExpiresAtMs: nowMs + timing.claimLeaseMs,
      acquiredAtMs: Math.min(holding.acquiredAtMs, nowMs),
      settleNotBeforeMs: Math.min(holding.settleNotBeforeMs, nowMs + timing.backoffMaxMs),
    });
  }
  for (const [domain, entry] of state.homes) state.homes.set(domain, atHome(entry, timing, nowMs));
  for (const [id, reservation] of state.reservations) {
    // The home may have begun: the room is kept until it has said how it ended.
    const { phase: before } = reservation;
    const phase = before === 'arrived' || before === 'refusing' ? before : 'arriving';
    state.reservations.set(id, {
      ...reservation,
      phase,
      leaseExpiresAtMs: nowMs + timing.settleLeaseMs,
      startedAtMs: Math.min(reservation.startedAtMs, nowMs),
    });
  }
  for (const [id, settlement] of state.settlements) {
    const { startedAtMs, endedAtMs, unresolvedSinceMs } = settlement;
    state.settlements.set(id, {
      ...settlement,
      startedAtMs: Math.min(startedAtMs, nowMs),
      endedAtMs: endedAtMs === null ? null : nowMs,
      unresolvedSinceMs: unresolvedSinceMs === null ? null : nowMs,
    });
  }
  for (const deal of state.deals.values()) enterDeal(state, dealt(deal, timing, nowMs));
  restartDeals(turn);
  restartSending(turn);
}

function atHome(entry: HomeEntry, timing: HostTiming, nowMs: number): HomeEntry {
  const { leaseExpiresAtMs, movedAtMs, restsUntilMs } = entry;
  return {
    ...entry,
    ...awaitedAnew(entry, timing, nowMs),
    leaseExpiresAtMs: leaseExpiresAtMs === null ? null : nowMs + timing.claimLeaseMs,
    movedAtMs: movedAtMs === null ? null : Math.min(movedAtMs, nowMs),
    restsUntilMs: Math.min(restsUntilMs, nowMs + restMaxMs(timing)),
  };
}

/**
 * Ended deals are remembered once more for as long as old copies of their messages may come. Open ones get no more
 * time: the other side forgets what it has done, and would say to whoever asks much later that it binds nobody.
 */
function dealt(deal: Deal, timing: HostTiming, nowMs: number): Deal {
  const startedAtMs = Math.min(deal.startedAtMs, nowMs);
  if (!isOpen(deal)) return { ...deal, startedAtMs, expiresAtMs: nowMs, endedAtMs: nowMs };
  const patienceMs = deal.phase === 'committed' ? timing.committedMs : timing.inDoubtMs;
  // Set back: how much of it has passed nobody knows, and the next start must not give it that time once more.
  const isLost = deal.expiresAtMs > nowMs + patienceMs;
  return { ...deal, startedAtMs, expiresAtMs: isLost ? nowMs : deal.expiresAtMs };
}
