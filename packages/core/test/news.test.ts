/** What is a reason to move a domain again, and what is none. */

import { describe, expect, test } from 'vitest';
import { arrivedEntry } from '../src/claims/claim.ts';
import { createHost, step } from '../src/host.ts';
import type { DomainSample, LoadSummary } from '../src/model/model.ts';
import { preset } from '../src/preset.ts';
import type { HostState } from '../src/state.ts';
import { addressOf, hostConfig } from './support/hosts.ts';
import { capacity, domainId, GIB, hostId } from './support/world.ts';

const startMs = 10_000_000;
const moved = domainId('moved');

/** An agent that starts again on a host to which a domain migrated long ago. */
function restarted(config = hostConfig('here')): HostState {
  const entry = arrivedEntry({
    domain: moved,
    name: 'moved',
    policy: {},
    self: hostId('here'),
    knownVersion: 0,
    movedAtMs: startMs - 4_000_000,
    carriedRow: [],
  });
  return createHost(config, [{ kind: 'home', key: moved, value: entry }], 'auto');
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

describe('what another host carries', () => {
  const peer = hostId('peer');

  /** What the peer says of itself: so much over its uplink, its claims as they were at this revision. */
  function hear(state: HostState, nowMs: number, sequence: number, megabits: number, revision = 1) {
    const load = { memoryBytes: 0, vcpus: 0, cpu: 0, nicBitsPerSecond: megabits * 1e6 };
    const summary: LoadSummary = {
      host: peer,
      name: 'peer',
      sequence,
      location: [],
      mode: 'auto',
      stopped: false,
      capacity: capacity(),
      load,
      measured: true,
      domains: 0,
      room: { memoryBytes: GIB, vcpus: 1 },
      revision,
      tradedMsAgo: 0,
    };
    const message = { kind: 'summary', summary, answer: false } as const;
    step(state, { kind: 'messageReceived', nowMs, from: peer, message });
  }

  /** Whether the domain rests after the peer has said that its load, and its claims or not, are different. */
  function restsAfter(presetName: 'threshold' | 'affinity', megabits: number, revision: number) {
    const { cost } = preset(presetName);
    const state = restarted({ ...hostConfig('here'), cost });
    let nowMs = measure(state, startMs, 600_000, 'one');
    hear(state, nowMs, 1, 300);
    nowMs = measure(state, nowMs, 5_000, 'one');
    expect(state.resting.has(moved)).toBe(true);
    hear(state, nowMs, 2, megabits, revision);
    measure(state, nowMs, 5_000, 'one');
    return state.resting.has(moved);
  }

  test.each([
    ['is a reason where nothing but load counts', 'threshold', 100, 1, false],
    ['is none where it has changed by a deal', 'threshold', 100, 2, true],
    ['is none where it is as it was', 'threshold', 301, 1, true],
    ['is none where traffic counts', 'affinity', 100, 1, true],
  ] as const)('%s', (_, presetName, megabits, revision, expected) => {
    expect(restsAfter(presetName, megabits, revision)).toBe(expected);
  });
});
