/**
 * An operator's word that the target of a migration is gone for ever, which nobody can ask any more how it ended. It
 * ends the waiting and does nothing to the domain: what runs here stays at home here, what does not is no longer
 * waited for, and the receipt says that the end is not known. A target that can be asked is not gone.
 *
 * Unless it had said before that the domain ran there and had gone on: then the end is known, and what is left here is of
 * the past, which somebody could start a second time.
 */

import type { DomainId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { carryOut, finish } from './ending.ts';
import { settlementOf, whyOtherTarget, whyStillLookedInto, whyStillMigrating } from './in-doubt.ts';
import type { Settlement } from './settlement.ts';

/** Why this migration cannot be ended by the word that this host is gone; null when it can. One sentence. */
export function whyNotGone(
  state: HostState,
  settlement: Settlement,
  target: string,
): string | null {
  const { to } = settlement;
  const whyNot = whyOtherTarget(state, settlement, target) ?? whyStillMigrating(settlement);
  if (whyNot !== null) return whyNot;
  if (state.connected.has(to))
    return `${state.directory.hostName(to)} is connected, and can be asked`;
  return whyStillLookedInto(settlement);
}

export function endUnseen(turn: Turn, domain: DomainId, target: string): void {
  const settlement = settlementOf(turn.state, domain);
  if (settlement === undefined || whyNotGone(turn.state, settlement, target) !== null) return;
  if (hasGoneOn(turn.state, settlement)) {
    const detail = 'it has run at the target, and had gone on before that was gone for ever';
    carryOut(turn, settlement, { kind: 'clear', detail });
    return;
  }
  finish(turn, settlement, null, 'an operator says that the target is gone for ever');
}

/** The last word of the target is that the domain has run there, and was there no more. */
export function hasGoneOn({ located }: HostState, { settlement }: Settlement): boolean {
  const said = located.get(settlement)?.there;
  return said?.arrival === 'arrived' && said.presence === 'absent';
}
