/**
 * Claims that a holder has given back: full hosts wait for each other, and none of them has room for the first move.
 *
 * Their domains rest at home, because the same hosts would agree on the same move again. But what came to that home in
 * exchange may be there already, and then it runs more than it may: what was to leave is the first that should, to any
 * host but the one that had no room. Otherwise others have to, which have been moved already.
 */

import type { HostTiming } from '../config.ts';
import type { HostState } from '../state.ts';
import { givenUpMs, type HomeEntry, rested } from './claim.ts';
import { withIdler } from './idle.ts';

/** The entry of a claim that is at home again; `before` is the one under which its holder had it. */
export function givenBack(
  entry: HomeEntry,
  before: HomeEntry,
  timing: HostTiming,
  nowMs: number,
): HomeEntry {
  const { idlers = [] } = withIdler(before, timing, nowMs);
  const why = 'full hosts wait for each other, and none has room for the first move';
  return { ...rested(entry, nowMs + givenUpMs, why), idlers, restsForRoom: true };
}

/** Ends the rest of what was given back; for a host that is above its limits. */
export function wakeGivenBack(state: HostState, nowMs: number): void {
  for (const entry of state.homes.values()) {
    if (entry.restsForRoom && entry.restsUntilMs > nowMs)
      state.homes.set(entry.domain, rested(entry, nowMs, ''));
  }
}
