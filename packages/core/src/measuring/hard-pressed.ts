/**
 * When a host above its limits lets go what has migrated here and would rest. Deals agree on nothing that exceeds a
 * limit, so it takes something else: a guest that an administrator has started, or one that was to leave and stays when
 * what came for it is here already.
 *
 * Only what runs counts: where no more than the claims are above a limit, what was to come in exchange has not come, and
 * can stay where it is. And what has never been moved goes first, as far as it is enough: a guest that moves again costs
 * as much as another one, and its users have been through it once. Not for ever, though: others may be too large for
 * any room there is.
 */

import { isHeldHere, whyUnmovable } from '../claims/book.ts';
import { wakeGivenBack } from '../claims/given-back.ts';
import { aboveLimits, excessOf, isAbove } from '../claims/limits.ts';
import { giveUpAfterMs } from '../settlement/patience.ts';
import type { HostState } from '../state.ts';

/**
 * To be called whenever the samples or the claims are looked at anew: since when this host has been above its limits. While
 * it is, nothing rests here any more that was to leave and found no room.
 */
export function noteLimits(state: HostState, nowMs: number): void {
  if (!isAboveLimits(state)) state.aboveSinceMs = null;
  else {
    state.aboveSinceMs ??= nowMs;
    wakeGivenBack(state, nowMs);
  }
}

/** When this host will have waited for long enough for others to go; null where it does not wait. */
export function letsGoAtMs({ aboveSinceMs, config }: HostState): number | null {
  return aboveSinceMs === null ? null : aboveSinceMs + giveUpAfterMs(config.timing);
}

/** Whether domains that would rest here may be moved again, to bring this host back within its limits. */
export function letsGo(state: HostState, nowMs: number): boolean {
  const atMs = letsGoAtMs(state);
  return atMs !== null && (nowMs >= atMs || !canOthersGo(state, nowMs));
}

function isAboveLimits(state: HostState): boolean {
  if (state.sample === null || !isAbove(aboveLimits(state))) return false;
  const running = { memoryBytes: 0, vcpus: 0 };
  for (const { traits } of state.samples.values()) add(running, traits);
  return isAbove(excessOf(running, state.sample.capacity));
}

/** Whether what Barter has not moved yet, and may move, is as much as the claims here are above the limits. */
function canOthersGo(state: HostState, nowMs: number): boolean {
  const others = { memoryBytes: 0, vcpus: 0 };
  for (const entry of state.homes.values()) {
    const { domain, movedAtMs, settlement } = entry;
    const isFree = movedAtMs === null && settlement === null && isHeldHere(state, domain);
    const traits = state.samples.get(domain)?.traits;
    if (isFree && traits !== undefined && whyUnmovable(state, entry, nowMs) === null)
      add(others, traits);
  }
  const above = aboveLimits(state);
  return above.memoryBytes <= others.memoryBytes && above.vcpus <= others.vcpus;
}

function add(
  sum: { memoryBytes: number; vcpus: number },
  { memoryBytes, vcpus }: Readonly<typeof sum>,
): void {
  sum.memoryBytes += memoryBytes;
  sum.vcpus += vcpus;
}
