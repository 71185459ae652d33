/** Groups that are kept together, where one of them stays after all, and where the two sides of a deal know different things. */

import { beforeEach, describe, expect, it } from 'vitest';
import { lockedDomains, whyNotOffered } from '../src/claims/book.ts';
import { makeBook } from '../src/claims/offering.ts';
import { createHost, step } from '../src/host.ts';
import type { DealId, DomainSample, HostId, Policy, SettlementId } from '../src/model/model.ts';
import type { JournalRecord } from '../src/record.ts';
import type { HostState } from '../src/state.ts';
import { entryOf, Hosts, hostConfig } from './support/hosts.ts';
import { bookOf, domain, domainId, GIB, host, hostId, rate } from './support/world.ts';

const holder = hostId('holder');
const nowMs = 1_000_000;

/** A host that has measured domains of these policies. */
function measure(state: HostState, policies: Readonly<Record<string, Policy>>): void {
  const hosts = new Hosts('home');
  hosts.sample('home', Object.fromEntries(Object.keys(policies).map((name) => [name, []])));
  const { sample, samples } = hosts.state('home');
  if (sample === null) throw new Error('it has just been measured');
  const domains = [...samples.values()].map(
    (one): DomainSample => ({
      ...one,
      traits: { ...one.traits, policy: policies[one.domain] ?? {} },
    }),
  );
  step(state, { kind: 'sampled', nowMs, beganAtMs: nowMs, sample: { ...sample, domains } });
}

describe('a group whose claims are held away from home', () => {
  const together = { keepTogether: 't' };
  const policies = { v1: together, v2: together, v3: { keepTogether: 'other' }, v4: {} };
  let home: HostState;

  /** As by a deal with a holder that renews. */
  const give = (...names: readonly string[]) => {
    for (const name of names) {
      const entry = entryOf(home, name);
      const given = { ...entry, holder, version: entry.version + 1, leaseExpiresAtMs: nowMs + 1e6 };
      home.homes.set(entry.domain, given);
    }
  };
  const away = () =>
    [...home.homes.values()].filter((entry) => entry.holder === holder).map((one) => one.domain);
  const reject = (name: string) =>
    step(home, { kind: 'ordered', nowMs, order: { order: 'reject', domain: domainId(name) } });

  beforeEach(() => {
    home = createHost(hostConfig('home'), [], 'auto');
    measure(home, policies);
    give('v1', 'v2', 'v3');
  });

  it('comes home with the first of them that stays, and nothing else does', () => {
    reject('v1');
    expect(away()).toEqual(['v3']);
  });

  it('comes home but for what is migrating already', () => {
    const entry = entryOf(home, 'v2');
    home.homes.set(entry.domain, { ...entry, settlement: 's1' as SettlementId });
    reject('v1');
    expect(away()).toEqual(['v2', 'v3']);
  });

  it('comes home when its holder gives one of them up for want of room', () => {
    const { domain: given, version } = entryOf(home, 'v1');
    const message = {
      kind: 'transfer',
      domain: given,
      version: version + 1,
      to: hostId('home'),
      deal: 'd1' as DealId,
    } as const;
    step(home, { kind: 'messageReceived', nowMs, from: holder, message });
    expect(away()).toEqual(['v3']);
  });

  it('comes home when a domain that stays has joined it', () => {
    measure(home, { ...policies, v4: together });
    expect(away()).toEqual(['v3']);
  });

  it('comes home before anything has been measured after a restart', () => {
    const records = [...home.homes.values()].map(
      (value): JournalRecord => ({ kind: 'home', key: value.domain, value }),
    );
    home = createHost(hostConfig('home'), records, 'auto');
    step(home, { kind: 'restarted', nowMs });
    reject('v1');
    expect(away()).toEqual(['v3']);
  });
});

describe('a group of which some have come', () => {
  const together = { keepTogether: 't' };
  const name = domainId('v2');
  let state: HostState;

  beforeEach(() => {
    state = createHost(hostConfig('home'), [], 'auto');
    measure(state, { v1: together, v3: { keepTogether: 'other' }, v4: {} });
  });

  const hold = (policy: Policy, givenTo: HostId | null = null) =>
    state.holdings.set(name, {
      claim: { domain: name, home: hostId('b'), holder: givenTo ?? hostId('home'), version: 2 },
      traits: { ...domain('v2', 'b').traits, policy },
      row: [],
      deal: 'd0' as DealId,
      acquiredAtMs: 0,
      leaseExpiresAtMs: nowMs + 1e6,
      confirmed: true,
      givenTo,
      settleNotBeforeMs: 0,
      waiting: '',
    });
  const offered = () => makeBook(state, nowMs)?.offers.map(({ claim }) => claim.domain);

  it('is not traded before the rest has come, and says so', () => {
    hold(together);
    expect(offered()).toEqual(['v3', 'v4']);
    expect(makeBook(state, nowMs)?.fixed.keepTogether).toEqual(['t', 't']);
    expect(whyNotOffered(state, name, nowMs, lockedDomains(state))).toBe(
      'the rest of its keep-together group has not come yet',
    );
  });

  it('is traded when what has not come is held by somebody else, or was given on', () => {
    expect(offered()).toEqual(['v1', 'v3', 'v4']);
    hold(together, holder);
    expect(offered()).toEqual(['v1', 'v3', 'v4']);
  });

  it('is not traded while room is kept for the rest, although its claim has lapsed', () => {
    hold(together);
    const holding = state.holdings.get(name);
    if (holding === undefined) throw new Error('it is held');
    const settlement = 's0' as SettlementId;
    state.reservations.set(settlement, {
      settlement,
      domain: name,
      home: holding.claim.home,
      version: 2,
      traits: holding.traits,
      row: [],
      phase: 'asking',
      startedAtMs: nowMs,
      leaseExpiresAtMs: nowMs + 1e4,
    });
    state.holdings.delete(name);
    expect(offered()).toEqual(['v3', 'v4']);
    state.reservations.clear();
    expect(offered()).toEqual(['v1', 'v3', 'v4']);
  });

  it('holds back nothing of other groups', () => {
    hold({ keepTogether: 'elsewhere' });
    expect(offered()).toEqual(['v1', 'v3', 'v4', 'v2']);
  });
});

describe('a peer that proposes one of a group', () => {
  const talk = rate('v1', 'x', 1e9);
  const group = { policy: { keepTogether: 't' }, memoryBytes: GIB };
  const world = {
    hosts: [host('b', ['pod1', 'rack1']), host('a', ['pod0', 'rack-of-home'])],
    domains: [domain('v1', 'b', group), domain('v2', 'b', group), domain('x', 'a')],
    rates: [talk],
  };
  let state: HostState;

  beforeEach(() => {
    state = createHost(hostConfig('home'), [], 'auto');
    measure(state, { x: {} });
    // The partner of what is offered is here.
    state.pricedRows.set(domainId('x'), [{ partner: domainId('v1'), bitsPerSecond: 1e9 }]);
  });

  const answer = (fixed: ReadonlySet<string> = new Set()) => {
    const book = bookOf(world, 'b', fixed);
    const { effects } = step(state, {
      kind: 'messageReceived',
      nowMs,
      from: hostId('b'),
      message: { kind: 'propose', deal: 'd1' as DealId, expiresInMs: 5_000, book },
    });
    for (const effect of effects)
      if (effect.kind === 'send' && effect.message.kind === 'accept')
        return effect.message.exchange.give;
    return undefined;
  };

  it('is asked for all of it', () => {
    expect(answer()).toEqual(expect.arrayContaining(['v1', 'v2']));
  });

  it('is asked for none of it where one stays there', () => {
    expect(answer(new Set(['v2']))).toEqual([]);
  });

  it('is asked for none of it where one cannot be taken for now, although the peer offers it', () => {
    const claim = { domain: domainId('v2'), home: hostId('c'), holder: hostId('b'), version: 1 };
    const traits = { ...domain('v2', 'b', group).traits };
    // Given on to that peer, and its home has not heard of that yet.
    state.holdings.set(claim.domain, {
      claim,
      traits,
      row: [],
      deal: 'd0' as DealId,
      acquiredAtMs: 0,
      leaseExpiresAtMs: nowMs + 1e6,
      confirmed: true,
      givenTo: hostId('b'),
      settleNotBeforeMs: 0,
      waiting: '',
    });
    expect(answer()).toEqual([]);
  });
});
