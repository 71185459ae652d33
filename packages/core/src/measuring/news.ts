/**
 * Whether there is a reason to move a domain again. Its last migration was agreed on with everything
 * known that is known now; so while its own loads, and what overloads its host, are as they were then,
 * another migration would only correct that decision, and costs as much as the first one.
 *
 * A domain that Barter has moved rests until something has changed, for a day at most; on a host above its limits
 * that needs it to go, none does (`hard-pressed.ts`). This comes on top of the cooldown, which holds whatever has changed.
 */

import { paperLoad, rowOf, traitsOf } from '../claims/book.ts';
import { hostCost } from '../model/cost.ts';
import type { TrafficRow } from '../model/model.ts';
import { hasSamePartners } from '../model/row.ts';
import type { HostState } from '../state.ts';
import { letsGo, letsGoAtMs, noteLimits } from './hard-pressed.ts';

const dayMs = 86_400_000;
/** A load has changed when it differs by this share. */
const share = 0.2;
const coresMin = 0.1;

/** Whether anything may come of looking at the sample: not where all is as it was when that was last done. */
export function isToBeLookedAt(state: HostState, nowMs: number): boolean {
  const { looked, information, directory } = state;
  return (
    looked === undefined ||
    looked.load !== state.paperLoad ||
    looked.capacity !== state.sample?.capacity ||
    looked.pricedChangedAtMs !== state.priced.changedAtMs ||
    information.namedAt !== directory.namings ||
    nowMs >= looked.untilMs
  );
}

/** To be called when the rows are as they are now, and before anything is made of them. */
export function noteLooked(state: HostState, nowMs: number): void {
  const { rowTrustMs } = state.config.timing;
  const sinceMs = state.looked?.sinceMs ?? nowMs;
  let untilMs = sinceMs + rowTrustMs >= nowMs ? sinceMs + rowTrustMs : Number.POSITIVE_INFINITY;
  for (const { movedAtMs } of state.homes.values()) {
    if (movedAtMs === null) continue;
    for (const atMs of [movedAtMs + rowTrustMs, movedAtMs + dayMs])
      if (atMs >= nowMs) untilMs = Math.min(untilMs, atMs);
  }
  noteLimits(state, nowMs);
  const pressedAtMs = letsGoAtMs(state);
  if (pressedAtMs !== null && pressedAtMs >= nowMs) untilMs = Math.min(untilMs, pressedAtMs);
  state.looked = {
    load: paperLoad(state),
    capacity: state.sample?.capacity,
    pricedChangedAtMs: state.priced.changedAtMs,
    sinceMs,
    untilMs,
  };
}

/**
 * Another host carries something else than before, and no claim has changed hands there: where nothing but load counts,
 * that is a reason as well.
 */
export function notePeerChange(state: HostState, nowMs: number): void {
  if (state.config.cost.affinityWeight > 0) return;
  state.peersChangedAtMs = nowMs;
  state.information.rowsChanged = true;
}

/** Looks anew at every domain that has migrated here; after every sample. */
export function refreshNews(state: HostState, nowMs: number): void {
  const { arrivals, resting, config } = state;
  resting.clear();
  for (const domain of arrivals.keys()) if (!state.homes.has(domain)) arrivals.delete(domain);
  const isPressed = letsGo(state, nowMs);
  const excessBitsPerSecond = overload(state);
  forgiveDeals(state, excessBitsPerSecond);
  for (const { domain, movedAtMs } of state.homes.values()) {
    if (movedAtMs === null || nowMs - movedAtMs > dayMs) continue;
    const traits = traitsOf(state, domain);
    if (traits === undefined) continue;
    const row = rowOf(state, domain);
    const then = arrivals.get(domain);
    // The first measurements here are still filled up from those of its last home. After a restart
    // nobody remembers: it rests from what is now, as soon as it is known again whom it talks to.
    if (then === undefined) {
      const fromMs = Math.max(movedAtMs, state.looked?.sinceMs ?? nowMs);
      if (nowMs - fromMs > config.timing.rowTrustMs)
        arrivals.set(domain, { row, cpu: traits.cpu, excessBitsPerSecond, atMs: nowMs });
      resting.add(domain);
      continue;
    }
    const margin = config.minGainBitsPerSecond;
    const isSameHost =
      state.priced.changedAtMs <= then.atMs ||
      !differs(excessBitsPerSecond, then.excessBitsPerSecond, margin);
    const isUnchanged =
      isSameHost &&
      state.peersChangedAtMs <= then.atMs &&
      !differs(traits.cpu, then.cpu, coresMin) &&
      !rowDiffers(row, then.row, margin, share);
    if (isUnchanged && !isPressed) resting.add(domain);
  }
}

/**
 * What comes and goes by deals was agreed on with everything known, and is no reason to think again: by how much that
 * changed the overload, by so much is it taken to have been different before.
 */
function forgiveDeals(state: HostState, excessBitsPerSecond: number): void {
  const { arrivals, overloadSeen: seen, information } = state;
  const { revision } = information;
  const change = seen === undefined ? 0 : excessBitsPerSecond - seen.excessBitsPerSecond;
  if (seen?.revision !== revision && change !== 0)
    for (const [domain, then] of arrivals)
      arrivals.set(domain, { ...then, excessBitsPerSecond: then.excessBitsPerSecond + change });
  state.overloadSeen = { revision, excessBitsPerSecond };
}

function overload(state: HostState): number {
  if (state.sample === null) return 0;
  const { nic, cpu, memory } = hostCost(paperLoad(state), state.sample.capacity, state.config.cost);
  return nic + cpu + memory;
}

function differs(now: number, then: number, least: number): boolean {
  return Math.abs(now - then) > Math.max(least, share * Math.max(now, then));
}

/**
 * Whether two rows of one domain differ by this share of the earlier one, and by `least` at least; bit/s. What the
 * earlier row does not name is compared as a whole.
 */
export function rowDiffers(
  now: TrafficRow,
  then: TrafficRow,
  least: number,
  share: number,
): boolean {
  if (now === then) return false;
  // Nearly always the same partners in the same order: then there is nothing to look up.
  if (hasSamePartners(now, then)) {
    let difference = 0;
    for (let n = 0; n < now.length; n++)
      difference += Math.abs((now[n]?.bitsPerSecond ?? 0) - (then[n]?.bitsPerSecond ?? 0));
    return difference > Math.max(least, share * totalOf(then));
  }
  const rates = new Map(now.map(({ partner, bitsPerSecond }) => [partner, bitsPerSecond]));
  let difference = 0;
  let [restNow, restThen] = [totalOf(now), 0];
  for (const { partner, bitsPerSecond } of then) {
    if (partner === 'external') {
      restThen += bitsPerSecond;
      continue;
    }
    const rate = rates.get(partner) ?? 0;
    difference += Math.abs(rate - bitsPerSecond);
    restNow -= rate;
  }
  difference += Math.abs(restNow - restThen);
  return difference > Math.max(least, share * totalOf(then));
}

function totalOf(row: TrafficRow): number {
  return row.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0);
}
