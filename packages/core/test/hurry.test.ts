/** Whom a full host asks for room, when a claim that is worth much waits for it. */

import { expect, test } from 'vitest';
import { arrivedEntry } from '../src/claims/claim.ts';
import { createHost } from '../src/host.ts';
import { makeRoom } from '../src/settlement/hurry.ts';
import { type HostState, Turn } from '../src/state.ts';
import { hostConfig } from './support/hosts.ts';
import { capacity, domainId, GIB, hostId, traits } from './support/world.ts';

const nowMs = 1_000_000;

/** A full host on which some domains run that others hold, each of which says how much room it has. */
function fullHost(leaving: Readonly<Record<string, number>>): HostState {
  const state = createHost(hostConfig('here'), [], 'auto');
  for (const [name, roomBytes] of Object.entries(leaving)) {
    const [domain, holder] = [domainId(name), hostId(`holder-of-${name}`)];
    const load = { memoryBytes: 0, vcpus: 0, cpu: 0, nicBitsPerSecond: 0 };
    const summary = {
      host: holder,
      name: holder,
      sequence: 1,
      location: [],
      mode: 'auto' as const,
      stopped: false,
      capacity: capacity(),
      load,
      measured: true,
      domains: 0,
      room: { memoryBytes: roomBytes, vcpus: 4 },
      revision: 1,
      tradedMsAgo: 0,
    };
    state.directory.learn(summary, nowMs);
    const entry = arrivedEntry({
      domain,
      name,
      policy: {},
      self: hostId('here'),
      knownVersion: 0,
      movedAtMs: null,
      carriedRow: [],
    });
    state.homes.set(domain, { ...entry, holder });
    const its = traits({ name, memoryBytes: 2 * GIB });
    state.samples.set(domain, { domain, traits: its, priced: its } as never);
  }
  return state;
}

function blocked(memoryBytes: number) {
  const holding = { traits: traits({ memoryBytes }) } as never;
  return [{ holding, urgencyPerByte: 5 }];
}

function asked(state: HostState, atMs: number, memoryBytes = 2 * GIB): readonly string[] {
  const turn = new Turn(state, atMs);
  makeRoom(turn, blocked(memoryBytes));
  return turn
    .effects()
    .flatMap((effect) =>
      effect.kind === 'send' && effect.message.kind === 'hurry' ? [effect.to] : [],
    );
}

test('who has room for what is to leave is asked first, and one at a time', () => {
  const state = fullHost({ one: GIB, two: 4 * GIB, three: 0 });
  expect(asked(state, nowMs)).toEqual(['holder-of-two']);
  expect(asked(state, nowMs + 9_000)).toEqual([]);
});

test('who was asked and did not call it has others asked before it is asked again', () => {
  const state = fullHost({ one: GIB, two: 4 * GIB });
  expect(asked(state, nowMs)).toEqual(['holder-of-two']);
  expect(asked(state, nowMs + 10_000)).toEqual(['holder-of-one']);
  expect(asked(state, nowMs + 20_000)).toEqual(['holder-of-two']);
});

test('as many are asked as the claim that waits needs', () => {
  const state = fullHost({ one: 4 * GIB, two: 4 * GIB, three: 4 * GIB });
  expect(asked(state, nowMs, 4 * GIB)).toHaveLength(2);
});
