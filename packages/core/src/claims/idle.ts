/**
 * Claims that are renewed and never settled. A lease bounds how long a silent holder keeps a claim; one that renews it
 * and never calls the domain would keep that where it is, out of everybody's trade, for ever: a holder that an
 * operator has stopped, one whose trading never leaves it the quiet to settle, a liar.
 *
 * The rule: a home waits for the first call for as long as an honest holder can need, from when the claim left home,
 * whoever holds it by now. Calls that the home itself refuses (a window, an approval that is awaited, a rest) begin
 * that time anew: then it is not the holder that lets others wait.
 */

import type { HostTiming } from '../config.ts';
import { estimateFrom } from '../model/migration.ts';
import type { HostId } from '../model/model.ts';
import { giveUpAfterMs, paceMax, patience } from '../settlement/patience.ts';
import type { HostState } from '../state.ts';
import { givenUpMs, type HomeEntry } from './claim.ts';

/** Leave for clusters that take their time, where claims rest for moments only. */
const idleMinMs = 900_000;
/** So many migrations like its own may be before it in its holder's queue. */
const queued = 10;

/**
 * How long a holder may leave a domain uncalled: trading that never stops, and full hosts that wait for each other
 * until one gives up, one after the other.
 */
export function idleMaxMs(timing: Pick<HostTiming, 'settleAfterMs'>): number {
  const restedMs = patience * (1 + paceMax) * timing.settleAfterMs;
  return Math.max(idleMinMs, restedMs + giveUpAfterMs(timing));
}

/** Whether the home of a claim that is held elsewhere has waited for long enough. */
export function isIdle(state: HostState, entry: HomeEntry, nowMs: number): boolean {
  const { awaitedSinceMs, domain, settlement } = entry;
  // Who cannot be measured cannot be called either.
  if (awaitedSinceMs === undefined || settlement !== null || state.sample === null) return false;
  const waitedMs = nowMs - awaitedSinceMs;
  const maxMs = idleMaxMs(state.config.timing);
  if (waitedMs < maxMs) return false;
  const traits = state.samples.get(domain)?.traits;
  if (traits === undefined) return true;
  const estimate = estimateFrom(state.sample.capacity, state.config.migration, traits);
  const queueMs = estimate.ok ? queued * estimate.durationMs : 0;
  return waitedMs >= maxMs + queueMs;
}

/** The entry with its holder's idling noted: the claim is not offered to that one again for a time that doubles. */
export function withIdler(entry: HomeEntry, timing: HostTiming, nowMs: number): HomeEntry {
  const { holder, idlers = [] } = entry;
  const times = 1 + (idlers.find((one) => one.holder === holder)?.times ?? 0);
  const untilMs = nowMs + Math.min(givenUpMs, idleMaxMs(timing) * 2 ** (times - 1));
  const others = idlers.filter((one) => one.holder !== holder);
  return { ...entry, idlers: [...others, { holder, times, untilMs }] };
}

/** Whether the home keeps this claim from a host that had it in vain. */
export function isKeptFrom(entry: HomeEntry | undefined, host: HostId, nowMs: number): boolean {
  return entry?.idlers?.some(({ holder, untilMs }) => holder === host && nowMs < untilMs) ?? false;
}

/**
 * After a restart. That a holder has called is not in the journal, so it gets the time to do so once more: a lease,
 * and the pause after a refusal.
 */
export function awaitedAnew(
  { awaitedSinceMs, idlers }: HomeEntry,
  timing: HostTiming,
  nowMs: number,
): Pick<HomeEntry, 'awaitedSinceMs' | 'idlers'> {
  const graceMs = timing.claimLeaseMs + timing.backoffMs;
  const earliestMs = nowMs + graceMs - idleMaxMs(timing);
  return {
    ...(awaitedSinceMs === undefined
      ? {}
      : { awaitedSinceMs: Math.max(Math.min(awaitedSinceMs, nowMs), earliestMs) }),
    ...(idlers === undefined
      ? {}
      : {
          idlers: idlers.map((one) => ({
            ...one,
            untilMs: Math.min(one.untilMs, nowMs + givenUpMs),
          })),
        }),
  };
}
