import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { noteBook, noteSummary } from '../src/credibility/charges.ts';
import { accuse } from '../src/credibility/ledger.ts';
import { promisedBy } from '../src/credibility/promise.ts';
import { distrustOf } from '../src/credibility/standing.ts';
import { bestExchange } from '../src/exchange/exchange.ts';
import { createHost, step } from '../src/host.ts';
import type { Message } from '../src/message.ts';
import type { Book, LoadSummary, SettlementId } from '../src/model/model.ts';
import { type HostEffect, type HostState, Turn } from '../src/state.ts';
import { parameters, worlds } from './support/arbitrary.ts';
import { hostConfig } from './support/hosts.ts';
import { bookOf, capacity, domain, domainId, GIB, host, hostId } from './support/world.ts';

const peer = hostId('b');
const minuteMs = 60_000;
let state: HostState;
let nowMs: number;

beforeEach(() => {
  nowMs = 1_000_000;
  state = createHost(hostConfig('a'), [], 'auto');
  take({ kind: 'peersChanged', peers: [{ host: peer, connected: true }] });
});

type Without<Event> = Event extends Parameters<typeof step>[1] ? Omit<Event, 'nowMs'> : never;

function take(event: Without<Parameters<typeof step>[1]>): readonly HostEffect[] {
  return step(state, { ...event, nowMs } as Parameters<typeof step>[1]).effects;
}

const tick = () => take({ kind: 'ticked', random: [0, 0, 0, 0] });
const hear = (message: Message) => take({ kind: 'messageReceived', from: peer, message });

function accuseTimes(times: number): readonly HostEffect[] {
  const turn = new Turn(state, nowMs);
  for (let n = 0; n < times; n++)
    accuse(turn, peer, 'no-room', 'it said one thing and did another');
  return turn.effects();
}

const isDistrusted = () => distrustOf(state, peer, nowMs) !== null;
const logged = (effects: readonly HostEffect[], code: string) =>
  effects.filter((effect) => effect.kind === 'log' && effect.code === code);

describe('charges', () => {
  test('that are few lead to nothing, and too many to one line that names the peer and why', () => {
    expect(logged(accuseTimes(4), 'peer-distrusted')).toEqual([]);
    expect(isDistrusted()).toBe(false);
    const [line] = logged(accuseTimes(3), 'peer-distrusted');
    expect(line).toMatchObject({ level: 'warn', fields: { peer, forMs: 10 * minuteMs } });
    expect(JSON.stringify(line)).toContain('it said one thing and did another');
    expect(isDistrusted()).toBe(true);
  });

  test('are forgotten one after the other', () => {
    for (let n = 0; n < 40; n++) {
      accuseTimes(1);
      nowMs += 120 * minuteMs;
    }
    expect(isDistrusted()).toBe(false);
  });

  test('lead to longer and longer times, up to six hours', () => {
    const times: number[] = [];
    for (let n = 0; n < 8; n++) {
      const forMs = logged(accuseTimes(5), 'peer-distrusted').map((effect) =>
        Number((effect as { fields: Record<string, unknown> }).fields.forMs),
      );
      times.push(...forMs.map((ms) => ms / minuteMs));
      nowMs += (forMs[0] ?? 0) + 1;
    }
    expect(times).toEqual([10, 20, 40, 80, 160, 320, 360, 360]);
  });

  test('against somebody who is no member are not even kept', () => {
    const turn = new Turn(state, nowMs);
    for (let n = 0; n < 9; n++) accuse(turn, hostId('stranger'), 'book', 'it is no member');
    expect(state.credibility.standings.has(hostId('stranger'))).toBe(false);
    accuseTimes(9);
    take({ kind: 'peersChanged', peers: [] });
    expect(state.credibility.standings.size).toBe(0);
  });
});

describe('a peer that is distrusted', () => {
  test('is shut out only when nothing is under way with it', () => {
    const settlement = 's' as SettlementId;
    state.endedArrivals.set(settlement, {
      settlement,
      domain: domainId('v'),
      home: peer,
      ended: 'arrived',
    });
    accuseTimes(5);
    const isShutOut = (effects: readonly HostEffect[]) =>
      effects.some((effect) => effect.kind === 'shutOut' && effect.peer === peer);
    expect(isShutOut(tick())).toBe(false);
    nowMs += minuteMs;
    expect(isShutOut(tick())).toBe(false);
    state.endedArrivals.clear();
    // Its home, which never answered, can be waiting for nothing.
    state.endedArrivals.set(settlement, {
      settlement,
      domain: domainId('v'),
      home: peer,
      ended: 'refused',
      unopened: true,
    });
    nowMs += minuteMs;
    expect(isShutOut(tick())).toBe(true);
    nowMs += minuteMs;
    expect(isShutOut(tick())).toBe(false);
  });

  test('is answered about everything but new deals', () => {
    take({ kind: 'sampled', beganAtMs: nowMs, sample: emptySample() });
    accuseTimes(5);
    const sent = (effects: readonly HostEffect[]) =>
      effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
    const book = bookOf({ hosts: [host('b')], domains: [domain('v', 'b')], rates: [] }, 'b');
    const proposal = { kind: 'propose', deal: 'd' as never, expiresInMs: 5_000, book } as const;
    expect(sent(hear(proposal))).toMatchObject([{ kind: 'decline', reason: 'backed-off' }]);
    const locate = {
      settlement: 's' as SettlementId,
      domain: domainId('v'),
      question: 1,
      giveUp: false,
    };
    expect(hear({ kind: 'locate', ...locate }).map(({ kind }) => kind)).toContain('inspect');
    const query = {
      kind: 'query',
      settlement: 's' as SettlementId,
      domain: domainId('v'),
      version: 1,
    } as const;
    expect(sent(hear(query))).toMatchObject([{ kind: 'refuse', reason: 'gone' }]);
    expect(sent(hear({ kind: 'inquire', deal: 'x' as never }))).toMatchObject([{ kind: 'abort' }]);
  });
});

describe('a book', () => {
  const summary = (sequence: number, memoryBytes: number, revision: number): LoadSummary => ({
    host: peer,
    name: 'b',
    sequence,
    location: [],
    mode: 'auto',
    stopped: false,
    capacity: capacity(),
    load: { memoryBytes, vcpus: memoryBytes / GIB, cpu: 0, nicBitsPerSecond: 0 },
    measured: true,
    domains: 1,
    revision,
    tradedMsAgo: 0,
  });
  const book = (memoryBytes: number): Book => ({
    host: peer,
    name: 'b',
    location: [],
    capacity: capacity(),
    load: summary(1, memoryBytes, 1).load,
    offers: [],
    fixed: { keepApart: [], keepTogether: [] },
    partners: [],
  });
  const say = (sequence: number, memoryBytes: number, revision = 1) =>
    noteSummary(new Turn(state, nowMs), summary(sequence, memoryBytes, revision));
  const charges = () => state.credibility.standings.get(peer)?.charges.get('book')?.count ?? 0;

  test('that holds more than the summaries before and after it tell of contradicts them', () => {
    say(1, 0);
    nowMs += minuteMs;
    noteBook(new Turn(state, nowMs), peer, book(8 * GIB));
    expect(charges()).toBe(0);
    nowMs += minuteMs;
    say(2, 0);
    expect(charges()).toBe(1);
  });

  test.each([
    ['claims changed hands after it', 8 * GIB, 2],
    ['claims came and went', 0, 2],
  ])('does not when %s', (_, memoryBytes, revision) => {
    say(1, 0);
    nowMs += minuteMs;
    noteBook(new Turn(state, nowMs), peer, book(8 * GIB));
    nowMs += minuteMs;
    say(2, memoryBytes, revision);
    nowMs += minuteMs;
    say(3, memoryBytes, revision);
    expect(charges()).toBe(0);
  });

  test('does not when the peer was cut off meanwhile', () => {
    say(1, 0);
    nowMs += minuteMs;
    noteBook(new Turn(state, nowMs), peer, book(8 * GIB));
    take({ kind: 'peersChanged', peers: [{ host: peer, connected: false }] });
    take({ kind: 'peersChanged', peers: [{ host: peer, connected: true }] });
    nowMs += minuteMs;
    say(2, 0);
    expect(charges()).toBe(0);
  });

  test('that offers more than it says are held at all contradicts itself', () => {
    const full = bookOf(
      { hosts: [host('b')], domains: [domain('v', 'b'), domain('w', 'b')], rates: [] },
      'b',
    );
    noteBook(new Turn(state, nowMs), peer, full);
    expect(charges()).toBe(0);
    const { load } = full;
    const small = { ...full, load: { ...load, memoryBytes: load.memoryBytes / 2 } };
    noteBook(new Turn(state, nowMs), peer, small);
    expect(charges()).toBe(1);
  });
});

describe('what a summary promises', () => {
  const kinds = fc.constantFrom('single', 'swap', 'bundle' as const);
  const elsewhere = fc.nat({ max: 3 });

  test('an honest peer finds as well, wherever it knows our partners to be', () => {
    let promised = 0;
    const property = (from: string, to: string) =>
      fc.property(
        fc.oneof(worlds({ domainsMax: 12 }), worlds({ domainsMax: 12, rules: true })),
        parameters,
        kinds,
        elsewhere,
        (world, drawn, kind, at) => {
          // Light enough to move, and more than enough to do.
          const domains = world.domains.map((one) => ({
            ...one,
            traits: { ...one.traits, migrationBytes: 0 },
          }));
          const rates = world.rates.map((one) => ({
            ...one,
            bitsPerSecond: one.bitsPerSecond / 50,
          }));
          const light = { ...world, domains, rates };
          const hinges = [0.05, 0.1, 0.2, 0.4].map((above) => ({ above, slope: 20 * above }));
          const cpu = { weightBitsPerSecond: 1e10, hinges };
          const cost = { ...drawn, cpu };
          const [own, theirs] = [bookOf(light, from), bookOf(light, to)];
          const wrong = world.hosts[at % world.hosts.length];
          const partners = own.partners.map((partner) =>
            partner.holder === own.host || wrong === undefined || wrong.host === own.host
              ? partner
              : { ...partner, holder: wrong.host, location: wrong.location, version: 0 },
          );
          const told = { capacity: theirs.capacity, load: theirs.load } as LoadSummary;
          const margin = 1e5;
          if (promisedBy({ ...own, partners }, told, cost, margin) === undefined) return;
          promised += 1;
          const found = bestExchange({ ...own, partners }, theirs, cost, {
            minGainBitsPerSecond: margin,
            kind,
          });
          expect(found).toBeDefined();
        },
      );
    fc.assert(property('a', 'b'), { numRuns: 3000 });
    fc.assert(property('b', 'a'), { numRuns: 1000 });
    expect(promised).toBeGreaterThan(20);
  });
});

function emptySample() {
  return {
    capacity: capacity(),
    hostCpu: 0,
    hostMemoryBytes: 0,
    domains: [],
    trafficMeasured: true,
    migrationWindowOpen: true,
  };
}
