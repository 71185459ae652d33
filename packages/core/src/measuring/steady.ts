/**
 * What has lasted: the loads that trading counts with. A migration pays only over time, so a load that
 * comes and goes must not cause one.
 *
 *   What would draw a domain away counts for the least that it was during the window: traffic with other
 *   hosts and with the outside, CPU load. What holds it where it is, traffic with domains on the same
 *   host, counts for the most that it was.
 *
 * So nothing that was different at some time during the window moves anything, and every load that stays
 * as it is counts in full one window after it has changed, neither more nor less. What is seen for the
 * first time has no past to be judged by, and counts at once.
 */

import type { DomainId } from '../model/model.ts';
import type { HostedDomain, HostState } from '../state.ts';
import type { Extremes, Range, Steadiness } from './steadiness.ts';

/** A window is this many slices; a queue is never longer. */
const slices = 32;
/**
 * Measurements are smoothed, so a load that goes off for a short time never seems to be quite gone. This
 * share of the range is taken off the least, so that it counts for nothing all the same.
 */
const smear = 0.25;
/**
 * A load that never fell by more than this share has been there all the time: a partner that is paused for the
 * last moment of its migration sends a little less in one smoothing window, and that is no reason to look again.
 */
const dip = 0.05;
/** Rates that differ by less are the same rate, from counters read at different moments. */
const rounding = 1e-6;

/** Takes in the sample that the state holds. Says whether what has lasted of any rate may be something else now. */
export function watchSteadiness(state: HostState, nowMs: number): boolean {
  const { steadyMs, rowTrustMs } = state.config.timing;
  if (steadyMs <= 0 || state.sample === null || !state.sample.trafficMeasured) return false;
  const slice = Math.floor((nowMs * slices) / steadyMs);
  // The first complete measurement of this host covers a whole smoothing window of every domain on it. What comes to a
  // host later has not been measured for as long, also where nothing ran before.
  const isFirst = !state.watchesSteadiness;
  state.watchesSteadiness = true;
  let isChanged = false;
  for (const domain of state.steadiness.keys())
    if (!state.samples.has(domain)) isChanged = state.steadiness.delete(domain);
  for (const sample of state.samples.values()) {
    let known = state.steadiness.get(sample.domain);
    if (known === undefined) {
      const sinceMs = isFirst ? nowMs : nowMs + rowTrustMs;
      known = { sinceMs, cpu: newRange(), rates: new Map(), last: undefined, changes: 0 };
      state.steadiness.set(sample.domain, known);
      isChanged = true;
    }
    if (nowMs < known.sinceMs) continue;
    const { rates, traits } = sample;
    const { last } = known;
    if (last?.rates === rates && last.cpu === traits.cpu && last.slice === slice) continue;
    known.last = { rates, cpu: traits.cpu, slice };
    if (!take(known, sample, slice)) continue;
    known.changes += 1;
    isChanged = true;
  }
  return isChanged;
}

/** Says whether an end of the range of a rate is another one than before, or another rate is known. */
function take({ cpu, rates }: Steadiness, sample: HostedDomain, slice: number): boolean {
  const isFirst = !hasBegun(cpu);
  let isChanged = isFirst;
  note(cpu, sample.traits.cpu, slice);
  for (const { address, bitsPerSecond } of sample.rates) {
    let range = rates.get(address);
    if (range === undefined) {
      range = newRange();
      rates.set(address, range);
      isChanged = true;
      // It was silent until now.
      if (!isFirst) note(range, 0, slice);
    }
    isChanged = note(range, bitsPerSecond, slice) || isChanged;
  }
  if (rates.size === sample.rates.length) return isChanged;
  const measured = new Set(sample.rates.map(({ address }) => address));
  for (const [address, range] of rates) {
    if (measured.has(address)) continue;
    isChanged = note(range, 0, slice) || isChanged;
    if (mostOf(range) !== 0) continue;
    rates.delete(address);
    isChanged = true;
  }
  return isChanged;
}

function newRange(): Range {
  return { least: [], most: [] };
}

/** Says whether the range ends elsewhere now: all that counts of it are its two ends, which come first. */
function note({ least, most }: Range, value: number, slice: number): boolean {
  // Most values say nothing new about the slice that they are in.
  const isSame = least.at(-2) === slice && most.at(-2) === slice;
  if (isSame && value >= (least.at(-1) ?? 0) && value <= (most.at(-1) ?? 0)) return false;
  const [leastBefore, mostBefore] = [least[1], most[1]];
  push(least, value, slice, (known) => known >= value);
  push(most, value, slice, (known) => known <= value);
  return least[1] !== leastBefore || most[1] !== mostBefore;
}

/** `covers`: a known value that cannot be the extreme any more, now that this one is there. */
function push(
  extremes: Extremes,
  value: number,
  slice: number,
  covers: (known: number) => boolean,
): void {
  while (extremes.length > 0 && covers(extremes.at(-1) ?? 0)) extremes.length -= 2;
  // Within one slice the extreme stands for all of it.
  if (extremes.at(-2) !== slice) extremes.push(slice, value);
  let expired = 0;
  while (expired + 2 < extremes.length && (extremes[expired] ?? 0) < slice - slices) expired += 2;
  if (expired > 0) extremes.splice(0, expired);
}

function hasBegun({ least }: Range): boolean {
  return least.length > 0;
}

function mostOf({ most }: Range): number {
  return most[1] ?? 0;
}

/** What was there all the time. */
function lasting(range: Range): number {
  const most = mostOf(range);
  const least = Math.min(most, (range.least[1] ?? 0) / (1 - dip));
  return Math.max(0, least - smear * (most - least));
}

/** Busy cores that have lasted. */
export function steadyCpu(state: HostState, sample: HostedDomain): number {
  const range = state.steadiness.get(sample.domain)?.cpu;
  return range === undefined || !hasBegun(range) ? sample.traits.cpu : lasting(range);
}

/** What has lasted of the rates of one domain: `values` stand beside the measured ones, the others are silent now. */
export type Lasting = Readonly<{ values: readonly number[]; silent: HostedDomain['rates'] }>;

/**
 * The rates that have lasted; undefined where the measured ones count as they are. `own` holds the addresses
 * of the domains on this host.
 */
export function steadyRates(
  state: HostState,
  domain: DomainId,
  measured: HostedDomain['rates'],
  own: Readonly<{ has(address: string): boolean }>,
): Lasting | undefined {
  const steadiness = state.steadiness.get(domain);
  if (steadiness === undefined || !hasBegun(steadiness.cpu)) return undefined;
  const { rates } = steadiness;
  const counted = (address: string, range: Range): number =>
    own.has(address) ? mostOf(range) : lasting(range);
  let isAsMeasured = rates.size === measured.length;
  const values = measured.map(({ address, bitsPerSecond }) => {
    const range = rates.get(address);
    const value = range === undefined ? bitsPerSecond : counted(address, range);
    isAsMeasured &&= Math.abs(value - bitsPerSecond) <= rounding * bitsPerSecond;
    return value;
  });
  if (isAsMeasured) return undefined;
  if (rates.size === measured.length) return { values, silent: [] };
  const sending = new Set(measured.map(({ address }) => address));
  const silent = [...rates].flatMap(([address, range]) =>
    sending.has(address) ? [] : [{ address, bitsPerSecond: counted(address, range) }],
  );
  return { values, silent };
}
