/** Keep-together groups come together or not at all, and nobody takes the room that the rest of one needs. */

import { expect, test } from 'vitest';
import { arrivedEntry, type Holding } from '../src/claims/claim.ts';
import { createHost } from '../src/host.ts';
import type { SettlementId } from '../src/model/model.ts';
import { whyGroupWaits } from '../src/settlement/group-room.ts';
import type { HostState } from '../src/state.ts';
import { holdingOf } from './support/holdings.ts';
import { hostConfig } from './support/hosts.ts';
import { GIB, hostId } from './support/world.ts';

const nowMs = 1_000_000;
const home = hostId('home');

function hold(state: HostState, name: string, keepTogether?: string): Holding {
  const policy = keepTogether === undefined ? {} : { keepTogether };
  const holding = holdingOf(name, 'home', { policy });
  state.holdings.set(holding.claim.domain, holding);
  return holding;
}

/** Two of a group and a third that is in none are to come. */
function claims() {
  const state = createHost(hostConfig('here'), [], 'auto');
  const [one, two] = [hold(state, 'one', 'pair'), hold(state, 'two', 'pair')];
  return { state, one, two, alone: hold(state, 'alone') };
}

/** Room is kept for a claim, and its home has been asked. */
function call(state: HostState, { claim, traits: its, row }: Holding): void {
  const settlement = `s-${claim.domain}` as SettlementId;
  const { domain, version } = claim;
  const times = { startedAtMs: nowMs, leaseExpiresAtMs: nowMs + 30_000 };
  const reservation = { settlement, domain, home, version, traits: its, row, ...times };
  state.reservations.set(settlement, { ...reservation, phase: 'asking' });
}

const room = (gibibytes: number, vcpus = 64) => ({ memoryBytes: gibibytes * GIB, vcpus });

test('the first of a group waits for room for all of it, and nobody else waits for that', () => {
  const { state, one, alone } = claims();
  expect(whyGroupWaits(state, one, room(1))).toMatch(
    'room for all 2 VMs of its keep-together group',
  );
  expect(whyGroupWaits(state, one, room(2, 1))).toMatch('room for all 2 VMs');
  expect(whyGroupWaits(state, one, room(2))).toBeNull();
  expect(whyGroupWaits(state, alone, room(1))).toBeNull();
});

test('when one has been called, room is kept for the rest, which waits for nobody', () => {
  const { state, one, two, alone } = claims();
  call(state, one);
  expect(whyGroupWaits(state, two, room(1))).toBeNull();
  expect(whyGroupWaits(state, alone, room(1))).toMatch('the rest of keep-together group pair');
  expect(whyGroupWaits(state, alone, room(2))).toBeNull();
});

test('the same when one has come', () => {
  const { state, one, two, alone } = claims();
  const { domain } = one.claim;
  state.holdings.delete(domain);
  state.samples.set(domain, {
    domain,
    traits: one.traits,
    priced: one.traits,
    addresses: [],
    state: 'running',
    rates: [],
  });
  const common = { domain, name: 'one', policy: one.traits.policy, self: state.config.self };
  const arrival = { ...common, knownVersion: 2, movedAtMs: nowMs, carriedRow: [] };
  state.homes.set(domain, arrivedEntry(arrival));
  expect(whyGroupWaits(state, alone, room(1))).toMatch('the rest of keep-together group pair');
  expect(whyGroupWaits(state, two, room(1))).toBeNull();
  // The rest goes elsewhere by now.
  state.holdings.set(two.claim.domain, { ...two, givenTo: hostId('elsewhere') });
  expect(whyGroupWaits(state, alone, room(1))).toBeNull();
});

test('of two groups that have begun none waits for the other', () => {
  const { state, one, two } = claims();
  const [third, fourth] = [hold(state, 'third', 'others'), hold(state, 'fourth', 'others')];
  call(state, one);
  call(state, third);
  expect(whyGroupWaits(state, two, room(1))).toBeNull();
  expect(whyGroupWaits(state, fourth, room(1))).toBeNull();
});
