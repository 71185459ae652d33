/** Which claim leaves free room to another one, and for how long. */

import { expect, test } from 'vitest';
import type { Holding } from '../src/claims/claim.ts';
import { createHost } from '../src/host.ts';
import { whyRoomIsKept } from '../src/settlement/kept-room.ts';
import { holdingOf } from './support/holdings.ts';
import { hostConfig } from './support/hosts.ts';
import { domainId, GIB, hostId } from './support/world.ts';

const nowMs = 1_000_000;
const [home, elsewhere] = [hostId('home'), hostId('elsewhere')];

/** Two that run beside each other and are to come here, with what they say to each other; and a third from elsewhere. */
function claims(bitsPerSecond: number) {
  const state = createHost(hostConfig('here'), [], 'auto');
  for (const host of [home, elsewhere])
    state.directory.learnPlace({ host, name: host, location: ['pod0', `rack-of-${host}`] }, true);
  const one = holdingOf('one', 'home', {}, [{ partner: domainId('two'), bitsPerSecond }]);
  const two = holdingOf('two', 'home', {}, [{ partner: domainId('one'), bitsPerSecond }]);
  const third = holdingOf('third', 'elsewhere');
  for (const holding of [one, two, third]) state.holdings.set(holding.claim.domain, holding);
  return { state, one, two, third };
}

test('of two that talk and come from one host none comes alone while there is room for one only', () => {
  const { state, one, two } = claims(1e9);
  const why = (holding: Holding, roomBytes: number) =>
    whyRoomIsKept(state, { holding, worth: 1 }, roomBytes, undefined, nowMs);
  expect(why(one, GIB)).toMatch('one comes when there is room for two as well');
  expect(why(two, GIB)).toMatch('two comes when there is room for one as well');
  expect(why(one, 2 * GIB)).toBeNull();
});

test('whoever has no company does not wait for any', () => {
  const silent = claims(0);
  const why = ({ state }: typeof silent, holding: Holding) =>
    whyRoomIsKept(state, { holding, worth: 1 }, GIB, undefined, nowMs);
  expect(why(silent, silent.one)).toBeNull();
  const talking = claims(1e9);
  expect(why(talking, talking.third)).toBeNull();
  // Its companion is on its way already, or goes elsewhere by now.
  talking.state.holdings.set(domainId('two'), { ...talking.two, givenTo: elsewhere });
  expect(why(talking, talking.one)).toBeNull();
});

test.each([
  ['saves less than the one that is next', 1, GIB, /room is kept for two, which saves more/],
  ['saves more', 3, GIB, null],
  ['leaves room for both', 1, 2 * GIB, null],
])('a claim that %s', (_, worth, roomBytes, expected) => {
  const { state, two, third } = claims(0);
  const next = { holding: two, worth: 2 };
  const why = whyRoomIsKept(state, { holding: third, worth }, roomBytes, next, nowMs);
  if (expected === null) expect(why).toBeNull();
  else expect(why).toMatch(expected);
});

test('nothing waits for others for more than half a minute', () => {
  const { state, one, two, third } = claims(1e9);
  const next = { holding: two, worth: 2 };
  for (const holding of [one, third]) {
    const why = () => whyRoomIsKept(state, { holding, worth: 1 }, GIB, next, nowMs);
    state.blockedSinceMs.set(holding.claim.domain, nowMs - 29_000);
    expect(why()).not.toBeNull();
    state.blockedSinceMs.set(holding.claim.domain, nowMs - 30_000);
    expect(why()).toBeNull();
  }
});
