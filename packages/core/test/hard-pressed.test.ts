/** When a host above its limits lets go what would rest there. */

import { expect, test } from 'vitest';
import { arrivedEntry, type HomeEntry } from '../src/claims/claim.ts';
import { createHost } from '../src/host.ts';
import { letsGo, letsGoAtMs, noteLimits } from '../src/measuring/hard-pressed.ts';
import type { HostState } from '../src/state.ts';
import { holdingOf } from './support/holdings.ts';
import { hostConfig } from './support/hosts.ts';
import { capacity, domainId, GIB, hostId, traits } from './support/world.ts';

const nowMs = 10_000_000;
const longAgoMs = nowMs - 5_000_000;
const limits = capacity({ memoryLimitBytes: 4 * GIB, memoryTransientBytes: 6 * GIB });

/** What is there: how large, and whether Barter has moved it here or another host holds its claim. */
type Guest = Readonly<{ gibibytes: number; moved?: true; leaving?: true; frozen?: true }>;

function hostWith(guests: readonly Guest[], comingGibibytes = 0): HostState {
  const state = createHost(hostConfig('here'), [], 'auto');
  const domains = guests.map(({ gibibytes, frozen }, n) => ({
    domain: domainId(`vm${n}`),
    traits: traits({
      name: `vm${n}`,
      memoryBytes: gibibytes * GIB,
      policy: frozen ? { frozen } : {},
    }),
    addresses: [],
    state: 'running' as const,
    rates: [],
  }));
  state.sample = {
    capacity: limits,
    hostCpu: 0,
    hostMemoryBytes: 0,
    trafficMeasured: true,
    migrationWindowOpen: true,
  };
  for (const [n, { moved, leaving }] of guests.entries()) {
    const sample = domains[n];
    if (sample === undefined) throw new Error('every guest has one');
    const { domain, traits: its } = sample;
    state.samples.set(domain, { ...sample, traits: its, priced: its });
    const entry: HomeEntry = arrivedEntry({
      domain,
      name: its.name,
      policy: its.policy,
      self: state.config.self,
      knownVersion: 0,
      movedAtMs: moved ? longAgoMs : null,
      carriedRow: [],
    });
    state.homes.set(domain, leaving ? { ...entry, holder: hostId('elsewhere') } : entry);
  }
  if (comingGibibytes > 0) {
    const coming = holdingOf('coming', 'elsewhere', { memoryBytes: comingGibibytes * GIB });
    state.holdings.set(coming.claim.domain, coming);
  }
  noteLimits(state, nowMs);
  return state;
}

test.each<[string, readonly Guest[], number, boolean]>([
  ['keeps its limits', [{ gibibytes: 4, moved: true }], 0, false],
  [
    'is above them by claims alone, for what has not come',
    [{ gibibytes: 4, moved: true }],
    2,
    false,
  ],
  [
    'runs too much, of which enough is to leave',
    [
      { gibibytes: 3, moved: true },
      { gibibytes: 2, leaving: true },
    ],
    0,
    false,
  ],
  [
    'runs too much, and something never moved is enough',
    [{ gibibytes: 3, moved: true }, { gibibytes: 2 }],
    0,
    false,
  ],
  [
    'runs too much, and what was never moved is too little',
    [{ gibibytes: 5, moved: true }, { gibibytes: 0.5 }],
    0,
    true,
  ],
  [
    'runs too much, and what was never moved may not leave',
    [
      { gibibytes: 3, moved: true },
      { gibibytes: 2, frozen: true },
    ],
    0,
    true,
  ],
])('a host that %s', (_, guests, comingGibibytes, expected) => {
  expect(letsGo(hostWith(guests, comingGibibytes), nowMs)).toBe(expected);
});

test('others do not go first for ever', () => {
  const state = hostWith([{ gibibytes: 3, moved: true }, { gibibytes: 2 }]);
  const atMs = letsGoAtMs(state) ?? Number.NaN;
  expect(atMs).toBeGreaterThan(nowMs);
  expect(letsGo(state, atMs - 1)).toBe(false);
  expect(letsGo(state, atMs)).toBe(true);
  // Within its limits again, and above them once more: the time begins anew.
  state.samples.delete(domainId('vm1'));
  state.paperLoad = undefined;
  noteLimits(state, atMs);
  expect(letsGoAtMs(state)).toBeNull();
});
