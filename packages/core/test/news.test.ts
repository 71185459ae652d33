/** What is a reason to move a domain again, and what is none. */

import { expect, test } from 'vitest';
import { arrivedEntry } from '../src/claims/claim.ts';
import { createHost, step } from '../src/host.ts';
import type { DomainSample } from '../src/model/model.ts';
import type { HostState } from '../src/state.ts';
import { addressOf, hostConfig } from './support/hosts.ts';
import { capacity, domainId, GIB, hostId } from './support/world.ts';

const startMs = 10_000_000;
const moved = domainId('moved');

/** An agent that starts again on a host to which a domain migrated long ago. */
function restarted(): HostState {
  const entry = arrivedEntry({
    domain: moved,
    name: 'moved',
    policy: {},
    self: hostId('here'),
    knownVersion: 0,
    movedAtMs: startMs - 4_000_000,
    carriedRow: [],
  });
  return createHost(hostConfig('here'), [{ kind: 'home', key: moved, value: entry }], 'auto');
}

/** What is measured from then on, every five seconds for so long: the domain talks to one partner. */
function measure(state: HostState, fromMs: number, forMs: number, partner: string): number {
  const domain: DomainSample = {
    domain: moved,
    traits: {
      name: 'moved',
      memoryBytes: GIB,
      vcpus: 1,
      cpu: 0.1,
      dirtyBytesPerSecond: 0,
      policy: {},
    },
    addresses: [addressOf('moved')],
    state: 'running',
    rates: [{ address: addressOf(partner), bitsPerSecond: 300e6 }],
  };
  let nowMs = fromMs;
  for (; nowMs < fromMs + forMs; nowMs += 5_000) {
    const sample = {
      capacity: capacity(),
      hostCpu: 0,
      hostMemoryBytes: 0,
      domains: [domain],
      trafficMeasured: true,
      migrationWindowOpen: true,
    };
    step(state, { kind: 'sampled', nowMs, beganAtMs: nowMs, sample });
    step(state, { kind: 'ticked', nowMs, random: [0.5, 0.5, 0.5, 0.5] });
  }
  return nowMs;
}

test('after a restart it counts whom a domain talks to, although nobody has a name in the first sample', () => {
  const state = restarted();
  const afterFirstMs = measure(state, startMs, 5_000, 'one');
  for (const partner of ['one', 'two'])
    state.directory.learnAddress(addressOf(partner), domainId(partner));
  const later = measure(state, afterFirstMs, 600_000, 'one');
  expect(state.resting.has(moved)).toBe(true);
  // As much as before, with somebody else.
  measure(state, later, 600_000, 'two');
  expect(state.resting.has(moved)).toBe(false);
});

test('what overloads its host by no deal is a reason; what a deal has changed is none', () => {
  const state = restarted();
  let nowMs = measure(state, startMs, 600_000, 'one');
  expect(state.resting.has(moved)).toBe(true);
  const then = state.arrivals.get(moved)?.excessBitsPerSecond ?? 0;
  // By as much as claims that come or go change it, the domain is taken to have found more or less.
  state.overloadSeen = { revision: state.information.revision - 1, excessBitsPerSecond: -50e6 };
  state.paperLoad = undefined;
  nowMs = measure(state, nowMs, 5_000, 'one');
  expect(state.arrivals.get(moved)?.excessBitsPerSecond).toBe(then + 50e6);
  state.overloadSeen = { revision: state.information.revision, excessBitsPerSecond: -50e6 };
  state.paperLoad = undefined;
  measure(state, nowMs, 5_000, 'one');
  expect(state.arrivals.get(moved)?.excessBitsPerSecond).toBe(then + 50e6);
});
