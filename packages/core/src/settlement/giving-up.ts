/**
 * Claims that cannot be settled: full hosts wait for each other, and none of them has room for the first
 * move. When nothing has moved here for long and nothing but room is missing, the holder gives back the claim
 * that saves least, to the home where its domain has been running all the time; one at a time, because
 * the next may have room then.
 */

import { setHolding } from '../claims/registers.ts';
import type { HostState, Turn } from '../state.ts';
import type { Blocked } from './hurry.ts';
import { giveUpAfterMs } from './patience.ts';
import { isUnderWay } from './settlement.ts';

export function giveUp(turn: Turn, blocked: readonly Blocked[]): void {
  const { state, nowMs } = turn;
  const domains = new Set(blocked.map(({ holding }) => holding.claim.domain));
  for (const domain of state.blockedSinceMs.keys())
    if (!domains.has(domain)) state.blockedSinceMs.delete(domain);
  for (const domain of domains)
    if (!state.blockedSinceMs.has(domain)) state.blockedSinceMs.set(domain, nowMs);
  const waitMs = giveUpAfterMs(state.config.timing);
  const stuck = blocked.filter(
    ({ holding }) => nowMs - (state.blockedSinceMs.get(holding.claim.domain) ?? nowMs) >= waitMs,
  );
  const least = stuck.at(-1);
  if (least === undefined || isWaitingForOthers(state)) return;
  if (nowMs - lastProgressAtMs(state) < waitMs) return;
  const { holding } = least;
  const { domain, home, version } = holding.claim;
  const claim = { ...holding.claim, holder: home, version: version + 1 };
  setHolding(turn, { ...holding, claim, givenTo: home });
  turn.send(home, {
    kind: 'transfer',
    domain,
    version: claim.version,
    to: home,
    deal: holding.deal,
  });
  turn.log(
    'warn',
    'settlement-given-up',
    `${holding.traits.name} does not come: ${holding.waiting}.`,
    {
      domain,
      home,
    },
  );
}

/** What is to leave here waits for an operator, a window or a cooldown: that is no deadlock. */
function isWaitingForOthers(state: HostState): boolean {
  for (const domain of state.refused.keys()) {
    const entry = state.homes.get(domain);
    if (entry !== undefined && entry.holder !== state.config.self) return true;
  }
  return false;
}

/** When a claim last changed hands here, or a domain came or went. */
function lastProgressAtMs(state: HostState): number {
  let lastMs = state.tradedAtMs;
  for (const { movedAtMs } of state.homes.values()) lastMs = Math.max(lastMs, movedAtMs ?? 0);
  for (const settlement of state.settlements.values()) {
    if (isUnderWay(settlement)) {
      // What waits for an operator is no progress.
      if (settlement.unresolvedSinceMs !== null) continue;
      return Infinity;
    }
    lastMs = Math.max(lastMs, settlement.endedAtMs ?? 0);
  }
  return lastMs;
}
