/** How a migration ended whose end its home has not seen, and what is written down about it. */

import { describe, expect, it } from 'vitest';
import type { HostConfig } from '../src/config.ts';
import { createHost, type HostEvent, step } from '../src/host.ts';
import type { Message } from '../src/message.ts';
import type { Policy, SettlementId } from '../src/model/model.ts';
import type { DomainPresence } from '../src/model/presence.ts';
import type { Receipt } from '../src/model/receipt.ts';
import type { JournalRecord } from '../src/record.ts';
import { arrivalLease } from '../src/settlement/receiving.ts';
import type { Reservation, Settlement, There } from '../src/settlement/settlement.ts';
import type { HostEffect, HostState } from '../src/state.ts';
import { Hosts } from './support/hosts.ts';
import { homeEntryOf, settlementRecordOf } from './support/records.ts';
import { domainId, GIB, hostId, traits as traitsWith } from './support/world.ts';

const domain = domainId('v1');
const settlement = 's1' as SettlementId;
const traits = traitsWith({ name: 'v1', memoryBytes: GIB, migrationBytes: GIB });
const absent: DomainPresence = { state: 'absent', defined: false };

/** A host as it starts again with these records. */
function start(name: string, records: readonly JournalRecord[]): HostState {
  const config: HostConfig = new Hosts('home', 'target').state(name).config;
  const state = createHost(config, records, 'auto');
  step(state, { kind: 'restarted', nowMs: 1_000 });
  return state;
}

/** The home restarted while the domain was migrating to `target`. */
function homeInDoubt(): HostState {
  const common = { domain, name: 'v1', version: 65_537, settlement };
  return start('home', [
    {
      kind: 'home',
      key: domain,
      value: homeEntryOf({ ...common, holder: hostId('target'), leaseExpiresAtMs: 1_000 }),
    },
    {
      kind: 'settlement',
      key: settlement,
      value: settlementRecordOf({ ...common, to: hostId('target'), phase: 'migrating' }),
    },
  ]);
}

/** The target keeps room for the domain. */
function targetWaiting(policy: Policy = {}, ...records: readonly JournalRecord[]): HostState {
  const value: Reservation = {
    settlement,
    domain,
    home: hostId('home'),
    version: 65_537,
    traits: { ...traits, policy },
    row: [],
    phase: 'arriving',
    startedAtMs: 0,
    leaseExpiresAtMs: 0,
  };
  return start('target', [{ kind: 'reservation', key: settlement, value }, ...records]);
}

function sampled(nowMs: number, runs: boolean): HostEvent {
  const hosts = new Hosts('target');
  hosts.sample('target', runs ? { v1: [] } : {});
  const { sample, samples } = hosts.state('target');
  if (sample === null) throw new Error('it has just been measured');
  const domains = [...samples.values()];
  return { kind: 'sampled', nowMs, beganAtMs: nowMs, sample: { ...sample, domains } };
}

/** What the target answers when its hypervisor says this. */
function locate(target: HostState, nowMs: number, presence: DomainPresence): There | undefined {
  const message: Message = { kind: 'locate', settlement, domain, question: nowMs, giveUp: false };
  step(target, { kind: 'messageReceived', nowMs, from: hostId('home'), message });
  const { effects } = step(target, { kind: 'inspected', nowMs, settlement, domain, presence });
  for (const effect of effects)
    if (effect.kind === 'send' && effect.message.kind === 'located') {
      const { presence: where, arrival } = effect.message;
      return { presence: where, arrival };
    }
  return undefined;
}

/** What the home writes down after both hypervisors have said this for two minutes. */
function concluded(
  there: There,
  here: DomainPresence = absent,
  home = homeInDoubt(),
): Receipt | undefined {
  const receipts: Receipt[] = [];
  for (let nowMs = 2_000; nowMs < 122_000; nowMs += 1_000) {
    const random = [0.5, 0.5, 0.5, 0.5] as const;
    step(home, { kind: 'ticked', nowMs, random });
    const question = home.questions.get(settlement)?.last ?? 0;
    const message: Message = { kind: 'located', settlement, domain, question, ...there };
    step(home, { kind: 'messageReceived', nowMs, from: hostId('target'), message });
    const said = step(home, {
      kind: 'inspected',
      nowMs,
      settlement,
      domain,
      presence: here,
    });
    receipts.push(...receiptsOf(said.effects));
  }
  return receipts.find(({ kind }) => kind === 'move');
}

function receiptsOf(effects: readonly HostEffect[]): readonly Receipt[] {
  return effects
    .flatMap((effect) => (effect.kind === 'persist' ? effect.records : []))
    .flatMap((record) => (record.kind === 'receipt' ? [record.value] : []));
}

describe('a home that asks late', () => {
  it.each([
    ['gone on', absent],
    ['paused by hand', { state: 'paused', detail: 'by hand', byMigration: false } as const],
  ])('hears that its domain arrived, although it is %s', (_, presence) => {
    const target = targetWaiting();
    expect(locate(target, 1_500, absent)).toEqual({ presence: 'absent', arrival: 'open' });
    step(target, sampled(2_000, true));
    step(target, sampled(4_000, false));
    expect(locate(target, 5_000, presence)?.arrival).toBe('arrived');
  });

  it('hears so from a target that has restarted since', () => {
    const value = { settlement, domain, home: hostId('home'), ended: 'arrived' } as const;
    const record = { kind: 'arrival', key: settlement, value } as const;
    expect(locate(start('target', [record]), 5_000, absent)?.arrival).toBe('arrived');
  });
});

describe('the receipt of a migration whose end nobody saw', () => {
  it.each<[There['presence'], There['arrival'], DomainPresence['state'], boolean | null]>([
    ['running', 'arrived', 'absent', true],
    // It came there in another way.
    ['running', 'refused', 'absent', false],
    ['running', 'unclear', 'absent', null],
    ['absent', 'arrived', 'absent', true],
    // It came back: that is another move.
    ['absent', 'arrived', 'running', true],
    ['absent', 'open', 'running', false],
    // Seen by neither: it may have arrived, and been shut down before it was measured there.
    ['absent', 'open', 'absent', null],
  ])('%s and %s at the target, %s here: moved is %s', (there, arrival, here, moved) => {
    const presence = here === 'absent' ? absent : ({ state: 'running' } as const);
    expect(concluded({ presence: there, arrival }, presence)).toMatchObject({
      kind: 'move',
      settlement,
      moved,
    });
  });
});

it('is not written while the target has not said how the domain that runs there came', () => {
  expect(concluded({ presence: 'running', arrival: 'open' })).toBeUndefined();
});

describe('a domain that a third host runs by now', () => {
  /** What the home asks of the target in the end, and what it writes down. */
  function heard(arrival: There['arrival']) {
    const home = homeInDoubt();
    const told = { home: hostId('third'), holder: hostId('third'), version: 131_072, name: 'v1' };
    home.directory.learnDomain(domain, told, true, 1_500);
    return concluded({ presence: 'absent', arrival }, absent, home);
  }

  it('is not said to have moved to the target while that says nothing about it', () => {
    expect(heard('open')).toBeUndefined();
  });

  it.each<[There['arrival'], boolean | null]>([
    ['arrived', true],
    ['refused', false],
    ['unclear', null],
  ])('the target says %s: moved is %s', (arrival, moved) => {
    expect(heard(arrival)).toMatchObject({ settlement, moved });
  });
});

describe('a domain that its hypervisor let run on without knowing whether it runs at the target', () => {
  const running = { state: 'running' } as const;

  function letRunOn(guessed?: true): HostState {
    const home = homeInDoubt();
    const doubted = home.settlements.get(settlement) as Settlement;
    home.settlements.set(settlement, { ...doubted, phase: 'migrating' });
    const result = { outcome: 'unknown' as const, detail: 'lost', ...(guessed && { guessed }) };
    step(home, { kind: 'migrationEnded', nowMs: 1_500, settlement, result });
    step(home, { kind: 'inspected', nowMs: 2_000, settlement, domain, presence: running });
    return home;
  }

  it('is in doubt, and not traded, as long as the target cannot be asked', () => {
    const home = letRunOn(true);
    expect(home.settlements.get(settlement)).toMatchObject({
      phase: 'resolving',
      unresolvedSinceMs: 2_000,
    });
    expect(home.homes.get(domain)?.settlement).toBe(settlement);
    expect(concluded({ presence: 'absent', arrival: 'open' }, running, home)).toMatchObject({
      moved: false,
    });
  });

  it('has stayed, where its hypervisor knew what it did', () => {
    expect(letRunOn().settlements.get(settlement)?.phase).toBe('failed');
  });
});

describe('a home that is called for a domain of which nobody knows how its last migration ended', () => {
  const nowMs = 4_000;

  /** libvirt answers no question about a guest that is held, and so it counts as blocked. */
  function called(home: HostState) {
    const { sample, ...event } = sampled(nowMs - 500, true) as HostEvent & { kind: 'sampled' };
    const domains = sample.domains.map((one) => ({ ...one, blocked: 'libvirt timed out' }));
    step(home, { ...event, sample: { ...sample, domains } });
    const message: Message = {
      kind: 'settle',
      settlement: 's2' as SettlementId,
      domain,
      version: 65_537,
      leaseMs: 30_000,
    };
    const from = hostId('target');
    const said = step(home, { kind: 'messageReceived', nowMs, from, message });
    return said.effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
  }

  const detail = 'how its last migration ended is not known yet';

  it('says so, and that it will be known in a moment', () => {
    expect(called(homeInDoubt())).toContainEqual(
      expect.objectContaining({ kind: 'refuse', reason: 'busy', detail }),
    );
  });

  it('lets its holder wait where it waits itself, for the target or an operator', () => {
    const home = homeInDoubt();
    const presence = { state: 'paused', detail: '', byMigration: true } as const;
    step(home, { kind: 'inspected', nowMs: 2_000, settlement, domain, presence });
    expect(home.settlements.get(settlement)?.unresolvedSinceMs).toBe(2_000);
    expect(called(home)).toContainEqual(
      expect.objectContaining({ kind: 'refuse', reason: 'cooldown', detail }),
    );
  });
});

describe('a target that has just started, asked whether a VM of a keep-apart group may arrive', () => {
  const other = domainId('v2');
  const ofOther = { domain: other, name: 'v2', version: 65_536, settlement: null };

  it.each([
    ['lets it in beside one of another group', 'h', true],
    ['does not beside one of its own, which it knows from its journal only', 'g', false],
  ])('%s', (_, keepApart, mayArrive) => {
    const holder = hostId('target');
    const value = homeEntryOf({ ...ofOther, holder, policy: { keepApart } });
    const target = targetWaiting({ keepApart: 'g' }, { kind: 'home', key: other, value });
    const from = hostId('home');
    step(target, { kind: 'arrivalRequested', nowMs: 1_500, from, settlement, domain });
    const lease = arrivalLease(target, from, settlement, domain, 1_500);
    expect(lease !== undefined).toBe(mayArrive);
  });
});

describe('a home that has forgotten a migration, asked about it by the target', () => {
  it.each([
    [
      'whose claim came home, that the domain runs here',
      1,
      true,
      { kind: 'settled', moved: false },
    ],
    ['with a claim that is good still, that it knows nothing', 65_536, true, { kind: 'refuse' }],
    ['and has lost the domain, that it knows nothing', 1, false, { kind: 'refuse' }],
  ] as const)('says to one %s', (_, version, runs, answer) => {
    const home = start('target', []);
    step(home, sampled(1_000, runs));
    const known = home.homes.get(domain);
    if (known !== undefined) home.homes.set(domain, { ...known, version: 65_536 });
    const message: Message = { kind: 'query', settlement, domain, version };
    const event = { kind: 'messageReceived', nowMs: 2_000, from: hostId('home'), message } as const;
    const said = step(home, event).effects.flatMap((effect) =>
      effect.kind === 'send' && effect.to === hostId('home') ? [effect.message] : [],
    );
    expect(said).toMatchObject([answer]);
  });
});

describe('an operator who says that the target is gone for ever', () => {
  const nowMs = 3_000;

  function order(home: HostState, target: string): readonly Receipt[] {
    const said = { kind: 'ordered', order: { order: 'target-gone', domain, target } } as const;
    return receiptsOf(step(home, { ...said, nowMs }).effects);
  }

  function unresolved(): HostState {
    const home = homeInDoubt();
    step(home, { kind: 'inspected', nowMs: 2_000, settlement, domain, presence: absent });
    return home;
  }

  it('ends the waiting, and nothing is claimed about how the migration ended', () => {
    const home = unresolved();
    expect(order(home, 'target').find(({ kind }) => kind === 'move')).toMatchObject({
      settlement,
      moved: null,
      detail: 'an operator says that the target is gone for ever',
    });
    expect(home.settlements.get(settlement)?.phase).toBe('failed');
    step(home, sampled(4_000, false));
    expect(home.homes.has(domain)).toBe(false);
  });

  it.each([
    ['had gone on from there, is taken away here for good', 'absent', 'clear', true],
    ['ran there still, is left as it is here', 'running', undefined, null],
  ] as const)('what the target has run and %s', (_, presence, decided, moved) => {
    const home = homeInDoubt();
    // Its definition is here, and the hypervisor is silent from now on.
    const shutOff = { ...absent, defined: true } as const;
    step(home, { kind: 'ticked', nowMs: 2_000, random: [0.5, 0.5, 0.5, 0.5] });
    step(home, { kind: 'inspected', nowMs: 2_000, settlement, domain, presence: shutOff });
    const question = home.questions.get(settlement)?.last ?? 0;
    const said = { presence, arrival: 'arrived', question } as const;
    const message: Message = { kind: 'located', settlement, domain, ...said };
    const from = hostId('target');
    step(home, { kind: 'messageReceived', nowMs: 2_500, from, message });
    order(home, 'target');
    expect(home.settlements.get(settlement)?.decided).toBe(decided);
    const ended = step(home, { kind: 'inspected', nowMs, settlement, domain, presence: absent });
    const receipts = [...receiptsOf(ended.effects)];
    if (moved === null) expect(home.settlements.get(settlement)?.phase).toBe('failed');
    else expect(receipts.find(({ kind }) => kind === 'move')).toMatchObject({ settlement, moved });
  });

  it.each<[string, string, (home: HostState) => void]>([
    ['is not the target', 'other', () => {}],
    ['is connected', 'target', (home) => home.connected.add(hostId('target'))],
    [
      'is the target of a migration that has ended',
      'target',
      (home) => {
        const result = { outcome: 'stayed', code: 'refused', detail: 'no' } as const;
        step(home, { kind: 'migrationEnded', nowMs, settlement, result });
      },
    ],
  ])('changes nothing when the host %s', (_, target, prepare) => {
    const home = unresolved();
    prepare(home);
    expect(order(home, target)).toEqual([]);
  });

  it('changes nothing before the home has tried to find out', () => {
    expect(order(homeInDoubt(), 'target')).toEqual([]);
  });
});
