/** A claim whose holder had no room for it comes home: how long its domain rests there, and from whom it is kept. */

import { beforeEach, expect, test } from 'vitest';
import { givenUpMs } from '../src/claims/claim.ts';
import { makeBook } from '../src/claims/offering.ts';
import { createHost, step } from '../src/host.ts';
import type { DomainSample } from '../src/model/model.ts';
import type { HostState } from '../src/state.ts';
import { addressOf, entryOf, hostConfig } from './support/hosts.ts';
import { capacity, domainId, GIB, hostId, traits } from './support/world.ts';

const [full, other] = [hostId('full'), hostId('other')];
const limits = capacity({ memoryLimitBytes: 4 * GIB, memoryTransientBytes: 6 * GIB });
let home: HostState;
let nowMs = 1_000_000;

/** These many GiB run there, `v1` the first of them. */
function measure(...gibibytes: readonly number[]): void {
  const domains = gibibytes.map((size, n): DomainSample => {
    const name = `v${n + 1}`;
    return {
      domain: domainId(name),
      traits: traits({ name, memoryBytes: size * GIB }),
      addresses: [addressOf(name)],
      state: 'running',
      rates: [],
    };
  });
  const sample = {
    capacity: limits,
    hostCpu: 0,
    hostMemoryBytes: 0,
    domains,
    trafficMeasured: true,
    migrationWindowOpen: true,
  };
  nowMs += 5_000;
  step(home, { kind: 'sampled', nowMs, beganAtMs: nowMs, sample });
}

/** `v1` was agreed to go to the full host, which gives its claim back. */
function giveBack(): void {
  const entry = entryOf(home, 'v1');
  const { version } = entry;
  const leaseExpiresAtMs = nowMs + 120_000;
  home.homes.set(entry.domain, { ...entry, holder: full, leaseExpiresAtMs });
  home.paperLoad = undefined;
  const { domain } = entry;
  const deal = 'deal' as never;
  const message = { kind: 'transfer', domain, version: version + 1, to: home.config.self, deal };
  step(home, { kind: 'messageReceived', nowMs, from: full, message } as Parameters<typeof step>[1]);
}

const offered = (peer: typeof full) =>
  makeBook(home, nowMs, peer)?.offers.map(({ traits: { name } }) => name);

beforeEach(() => {
  nowMs = 1_000_000;
  home = createHost(hostConfig('home'), [], 'observe');
});

test('on a host within its limits it rests, for hours', () => {
  measure(2, 2);
  giveBack();
  measure(2, 2);
  expect(entryOf(home, 'v1')).toMatchObject({ holder: hostId('home'), restsForRoom: true });
  expect([offered(full), offered(other)]).toEqual([['v2'], ['v2']]);
  nowMs += givenUpMs;
  measure(2, 2);
  expect(offered(full)).toEqual(['v1', 'v2']);
});

test('where what came in its stead is there already, it may go to anybody else at once', () => {
  measure(2, 2, 1);
  giveBack();
  measure(2, 2, 1);
  expect([offered(full), offered(other)]).toEqual([
    ['v2', 'v3'],
    ['v1', 'v2', 'v3'],
  ]);
  // And also when that host is within its limits again: a deal may have been made of it.
  measure(2, 2);
  expect(offered(other)).toEqual(['v1', 'v2']);
});

test('and when the host gets above its limits only later, it rests no longer', () => {
  measure(2, 2);
  giveBack();
  measure(2, 2);
  expect(offered(other)).toEqual(['v2']);
  measure(2, 2, 1);
  expect(offered(other)).toEqual(['v1', 'v2', 'v3']);
});

test('but what rests for another reason goes on to rest', () => {
  measure(2, 2);
  giveBack();
  const order = { order: 'reject', domain: domainId('v1') } as const;
  const entry = entryOf(home, 'v1');
  home.homes.set(entry.domain, { ...entry, holder: other, leaseExpiresAtMs: nowMs + 120_000 });
  step(home, { kind: 'ordered', nowMs, order });
  measure(2, 2, 1);
  expect(offered(other)).toEqual(['v2', 'v3']);
});
