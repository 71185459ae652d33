/**
 * What is left of a keep-together group when others of it have gone. A migration that fails brings its claim home, and
 * the domain would stay apart from its group until a deal brings it there that pays by itself: maybe never. So the claim
 * stays where the others are, and its holder calls it again when it has rested. Not for ever: where that fails time
 * after time the domain is better off at home, in everybody's trade, than promised to a host that it cannot reach.
 */

import type { HostState } from '../state.ts';
import { isUnderWay, type Settlement } from './settlement.ts';

/** How often in a row the migration of such a domain may fail before its claim comes home. */
export const followingMax = 5;

/** Whether others of its group have gone to where it was to go, or are on their way there. */
export function isToFollow(state: HostState, { group, to, aborted }: Settlement): boolean {
  if (group === undefined || aborted) return false;
  return [...state.settlements.values()].some((other) => {
    if (other.group !== group || other.to !== to) return false;
    return other.phase === 'moved' ? !state.homes.has(other.domain) : isUnderWay(other);
  });
}
