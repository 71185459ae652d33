/**
 * An operator's word that the target of a migration is gone for ever, which nobody can ask any more how it ended. It
 * ends the waiting and does nothing to the domain: what runs here stays at home here, what does not is no longer
 * waited for, and the receipt says that the end is not known. A target that can be asked is not gone.
 */

import type { DomainId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { finish } from './ending.ts';
import { isUnderWay, type Settlement } from './settlement.ts';

/** The migration of a domain out of here that has not ended, if there is one. */
export function settlementOf(state: HostState, domain: DomainId): Settlement | undefined {
  for (const settlement of state.settlements.values())
    if (settlement.domain === domain && isUnderWay(settlement)) return settlement;
  return undefined;
}

/** Why this migration cannot be ended by the word that this host is gone; null when it can. One sentence. */
export function whyNotGone(
  state: HostState,
  settlement: Settlement,
  target: string,
): string | null {
  const { name, to, detail } = settlement;
  const toName = state.directory.hostName(to);
  if (target !== to && target !== toName)
    return `${name} is migrating to ${toName} (${to}), not to ${target}`;
  if (settlement.phase !== 'resolving') return `${name} is still migrating: abort that first`;
  if (state.connected.has(to)) return `${toName} is connected, and can be asked`;
  if (settlement.unresolvedSinceMs === null)
    return `how the migration of ${name} ended is still being found out (${detail})`;
  return null;
}

export function endUnseen(turn: Turn, domain: DomainId, target: string): void {
  const settlement = settlementOf(turn.state, domain);
  if (settlement === undefined || whyNotGone(turn.state, settlement, target) !== null) return;
  finish(turn, settlement, null, 'an operator says that the target is gone for ever');
}
