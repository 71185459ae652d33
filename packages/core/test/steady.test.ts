import { expect, test } from 'vitest';
import { steadyCpu, steadyRates, watchSteadiness } from '../src/measuring/steady.ts';
import type { HostedDomain, HostState } from '../src/state.ts';
import { domainId } from './support/world.ts';

/** What a load counts with after it was something else for a while: what came and went must move nothing. */

const steadyMs = 2_100_000;
const domain = domainId('vm');
const partner = 'partner';
const full = 100e6;

/** A host that is measured, and on which nothing runs yet. */
function measuredHost(): HostState {
  return {
    config: { timing: { steadyMs, rowTrustMs: 120_000 } },
    sample: { trafficMeasured: true },
    samples: new Map(),
    steadiness: new Map(),
  } as unknown as HostState;
}

/** A host with one domain whose load was, minute by minute, these shares of what it is in full. */
function after(...shares: readonly number[]) {
  const state = measuredHost();
  shares.forEach((share, minute) => {
    const rates = share > 0 ? [{ address: partner, bitsPerSecond: share * full }] : [];
    const sample = { domain, traits: { cpu: share }, rates } as unknown as HostedDomain;
    (state.samples as Map<unknown, unknown>).set(domain, sample);
    watchSteadiness(state, minute * 60_000);
  });
  const sample = state.samples.get(domain) as HostedDomain;
  const rateWhen = (own: ReadonlySet<string>): number => {
    const lasting = steadyRates(state, domain, sample.rates, own);
    const rate = lasting === undefined ? sample.rates[0] : undefined;
    return (
      (rate?.bitsPerSecond ?? lasting?.values[0] ?? lasting?.silent[0]?.bitsPerSecond ?? 0) / full
    );
  };
  return {
    elsewhere: rateWhen(new Set()),
    here: rateWhen(new Set([partner])),
    cpu: steadyCpu(state, sample),
  };
}

const minutes = (count: number, share: number) => new Array<number>(count).fill(share);

test.each([
  ['is as it always was', minutes(40, 1), 1, 1],
  // A partner that is paused for 0.3 s of its migration: half a percent of a minute.
  ['fell by half a percent for a minute', [...minutes(5, 1), 0.995, 1], 1, 1],
  ['is just now lower by five percent', [...minutes(5, 1), 0.95], 1, 1],
  [
    'fell by a tenth for a minute',
    [...minutes(5, 1), 0.9, 1],
    0.9 / 0.95 - 0.25 * (1 - 0.9 / 0.95),
    1,
  ],
  [
    'fell to a fifth for a minute',
    [...minutes(5, 1), 0.2, 1],
    0.2 / 0.95 - 0.25 * (1 - 0.2 / 0.95),
    1,
  ],
  ['was gone for a minute', [...minutes(5, 1), 0, 1], 0, 1],
  ['began a minute ago', [0, 0, 0, 1], 0, 1],
  ['is gone', [...minutes(5, 1), 0], 0, 1],
  ['was gone for a minute, one window ago', [1, 0, ...minutes(40, 1)], 1, 1],
  ['fell for good, one window ago', [1, ...minutes(40, 0.5)], 0.5, 0.5],
])('a load that %s', (_, shares, elsewhere, here) => {
  const counted = after(...shares);
  expect(counted.elsewhere).toBeCloseTo(elsewhere, 6);
  expect(counted.cpu).toBeCloseTo(elsewhere, 6);
  expect(counted.here).toBeCloseTo(here, 6);
});

test('what comes to a host where nothing ran is judged once it has been measured for long enough', () => {
  const state = measuredHost();
  watchSteadiness(state, 0);
  for (let minute = 1; minute <= 4; minute++) {
    // Its traffic shows a moment after it does.
    const rates = minute > 1 ? [{ address: partner, bitsPerSecond: full }] : [];
    const sample = { domain, traits: { cpu: 1 }, rates } as unknown as HostedDomain;
    (state.samples as Map<unknown, unknown>).set(domain, sample);
    watchSteadiness(state, minute * 60_000);
    const lasting = steadyRates(state, domain, rates, new Set());
    expect(lasting, `after ${minute} min`).toBeUndefined();
  }
});
