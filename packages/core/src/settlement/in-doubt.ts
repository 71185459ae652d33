/**
 * A migration out of here about whose end an operator has a word to say (`target-gone.ts`, `operators-word.ts`): which one
 * that is, and what is wrong with the word whatever it says.
 */

import type { DomainId } from '../model/model.ts';
import type { HostState } from '../state.ts';
import { isUnderWay, type Settlement } from './settlement.ts';

/** The migration of a domain out of here that has not ended, if there is one. */
export function settlementOf(state: HostState, domain: DomainId): Settlement | undefined {
  for (const settlement of state.settlements.values())
    if (settlement.domain === domain && isUnderWay(settlement)) return settlement;
  return undefined;
}

/** The word is about another host than its target; null when it is not. One sentence. */
export function whyOtherTarget(
  state: HostState,
  { name, to }: Settlement,
  target: string,
): string | null {
  const toName = state.directory.hostName(to);
  if (target === to || target === toName) return null;
  return `${name} is migrating to ${toName} (${to}), not to ${target}`;
}

/** It has not come to its end yet; null when it has. One sentence. */
export function whyStillMigrating({ name, phase }: Settlement): string | null {
  return phase === 'resolving' ? null : `${name} is still migrating: abort that first`;
}

/** Both hosts may still find out by themselves; null when they could not. One sentence. */
export function whyStillLookedInto({ name, detail, unresolvedSinceMs }: Settlement): string | null {
  if (unresolvedSinceMs !== null) return null;
  return `how the migration of ${name} ended is still being found out (${detail})`;
}
