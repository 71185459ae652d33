/** Where partners are, as both sides of a deal know it; and what a peer believes to be held here, and is not. */

import { beforeEach, describe, expect, it } from 'vitest';
import { makeBook } from '../src/claims/offering.ts';
import { evaluateExchange } from '../src/exchange/exchange.ts';
import { createHost, step } from '../src/host.ts';
import type { Book, DealId, DomainSample } from '../src/model/model.ts';
import type { HostState } from '../src/state.ts';
import { truePlaces, withPlacesFor } from '../src/trading/places.ts';
import { Hosts, hostConfig } from './support/hosts.ts';
import { bookOf, domain, domainId, host, hostId, rate } from './support/world.ts';

const nowMs = 1_000_000;
const [home, proposer, lapsed] = [hostId('gone'), hostId('b'), domainId('lapsed')];

/** A host that measures one domain, which talks to nobody. */
function measured(): HostState {
  const state = createHost(hostConfig('here'), [], 'auto');
  const hosts = new Hosts('here');
  hosts.sample('here', { own: [] });
  const { sample, samples } = hosts.state('here');
  if (sample === null) throw new Error('it has just been measured');
  const domains: readonly DomainSample[] = [...samples.values()];
  step(state, { kind: 'sampled', nowMs, beganAtMs: nowMs, sample: { ...sample, domains } });
  return state;
}

describe('a proposal whose claim talks to one that was held here', () => {
  const world = {
    hosts: [host('b', ['pod1', 'rack1']), host('here', ['pod0', 'rack-of-here'])],
    domains: [domain('v1', 'b'), domain('lapsed', 'here')],
    rates: [rate('v1', 'lapsed', 1e9)],
  };
  const book: Book = {
    ...bookOf(world, 'b'),
    partners: bookOf(world, 'b').partners.map((one) => ({ ...one, home })),
  };
  let state: HostState;

  const answers = (shown = book) => {
    const { effects } = step(state, {
      kind: 'messageReceived',
      nowMs,
      from: proposer,
      message: { kind: 'propose', deal: 'd1' as DealId, expiresInMs: 5_000, book: shown },
    });
    return effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
  };
  const told = (shown = book) =>
    answers(shown).flatMap((message) =>
      message.kind === 'found' ? [{ domains: message.domains, unknown: message.unknown }] : [],
    );
  const hold = () =>
    state.holdings.set(lapsed, {
      claim: { domain: lapsed, home, holder: hostId('here'), version: 1 },
      traits: domain('lapsed', 'here').traits,
      row: [],
      deal: 'd0' as DealId,
      acquiredAtMs: 0,
      leaseExpiresAtMs: nowMs + 1e6,
      confirmed: true,
      givenTo: null,
      settleNotBeforeMs: 0,
      waiting: '',
    });

  beforeEach(() => {
    state = measured();
    step(state, {
      kind: 'peersChanged',
      nowMs,
      peers: [{ host: proposer, connected: true }],
    });
  });

  it('gains by coming while that is held', () => {
    hold();
    expect(answers().map(({ kind }) => kind)).toContain('accept');
    expect(truePlaces(state, book)).toBe(book.partners);
  });

  it('gains nothing once that has lapsed, although this host cannot say where it is', () => {
    const kinds = answers().map(({ kind }) => kind);
    expect(kinds).toContain('decline');
    expect(kinds).not.toContain('accept');
  });

  it('is answered with where that must be: at its home', () => {
    const [correction] = told();
    expect(correction?.domains).toMatchObject([{ domain: lapsed, home, holder: home, version: 1 }]);
    hold();
    state.deals.clear();
    expect(told()).toEqual([]);
  });

  it('is answered with whom it was given to', () => {
    const holding = hold().get(lapsed);
    if (holding === undefined) throw new Error('it is held');
    const claim = { ...holding.claim, holder: hostId('c'), version: 2 };
    state.holdings.set(lapsed, { ...holding, claim, givenTo: hostId('c') });
    expect(told()[0]?.domains).toMatchObject([{ domain: lapsed, holder: 'c', version: 2 }]);
  });

  it('is answered that nobody knows where neither knows its home', () => {
    const nobody = bookOf(world, 'b');
    expect(told(nobody)).toEqual([{ domains: [], unknown: [lapsed] }]);
  });

  it('is answered the same where it was at home here, and ran here', () => {
    const here = book.partners.map((one) => ({ ...one, home: hostId('here') }));
    expect(told({ ...book, partners: here })).toEqual([{ domains: [], unknown: [lapsed] }]);
  });
});

describe('a host that is told', () => {
  const known = { home, holder: hostId('here'), version: 1 };
  const where = (from: string, named: boolean, knows: typeof known | { home: null } = known) => {
    const state = measured();
    const members = ['here', 'c', 'gone'].map((name) => ({ host: hostId(name), connected: true }));
    step(state, { kind: 'peersChanged', nowMs, peers: members });
    state.directory.learnDomain(lapsed, { ...known, ...knows }, true, nowMs);
    state.information.watches.set(lapsed, { nextAtMs: nowMs + 1e6, attempts: 0, round: 0 });
    const told = { domain: lapsed, name: 'lapsed', home, holder: home, version: 1, addresses: [] };
    step(state, {
      kind: 'messageReceived',
      nowMs,
      from: hostId(from),
      message: {
        kind: 'found',
        id: 0,
        domains: named ? [told] : [],
        unknown: named ? [] : [lapsed],
        places: [],
      },
    });
    return state.directory.find(lapsed)?.holder;
  };

  it('believes it of whom it took for the holder, and of nobody else', () => {
    expect(where('here', true)).toBe(home);
    expect(where('c', true)).toBe('here');
  });

  it('forgets a holder that denies it where nobody knows the home', () => {
    expect(where('here', false, { home: null })).toBeUndefined();
    expect(where('c', false, { home: null })).toBe('here');
    expect(where('here', false)).toBe('here');
  });
});

describe('a partner that only the host knows about which offers nothing that talks to it', () => {
  const partner = domainId('partner');
  const world = {
    hosts: [host('b', ['pod1', 'rack1']), host('c', ['pod1', 'rack1'])],
    domains: [domain('v1', 'b'), domain('partner', 'c')],
    rates: [rate('v1', 'partner', 1e9)],
  };
  const full = bookOf(world, 'b');
  const book: Book = { ...full, partners: [] };
  const [v1] = book.offers.map(({ claim }) => claim.domain);
  let state: HostState;

  const known = (holder: string, version = 1) => {
    const place = { host: hostId(holder), name: holder, location: ['pod1', 'rack1'] };
    state.directory.learnPlace(place, true);
    state.directory.learnDomain(
      partner,
      { home: hostId(holder), holder: hostId(holder), version },
      true,
      nowMs,
    );
  };
  const ours = (shown = book): Book => {
    const made = makeBook(state, nowMs);
    if (made === undefined) throw new Error('this host is measured');
    return withPlacesFor(state, made, shown);
  };
  const gain = (shown = book) =>
    evaluateExchange(
      shown,
      ours(shown),
      { give: v1 === undefined ? [] : [v1], take: [] },
      state.config.cost,
    ).terms.network;

  beforeEach(() => {
    state = measured();
  });

  it('counts where that one knows it to be', () => {
    expect(gain()).toBeCloseTo(0);
    known('c');
    expect(gain()).toBeLessThan(0);
    expect(gain()).toBe(gain(full));
  });

  it('is not named again where the other one knows it as well', () => {
    known('c');
    expect(ours(full).partners).toEqual([]);
    expect(ours().partners).toMatchObject([{ domain: partner, holder: 'c', version: 1 }]);
  });

  it('is named where the other one has older news, and not where it has later', () => {
    known('d', 2);
    expect(ours(full).partners).toMatchObject([{ domain: partner, holder: 'd', version: 2 }]);
    const later = full.partners.map((one) => ({ ...one, version: 3 }));
    expect(ours({ ...full, partners: later }).partners).toEqual([]);
  });
});
