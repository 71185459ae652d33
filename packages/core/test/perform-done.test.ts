/**
 * Perform-done between two hosts, step by step: what is durable before what is said, and which answers count.
 */

import { beforeEach, describe, expect, it } from 'vitest';
import type { HomeEntry } from '../src/claims/claim.ts';
import { createHost, type HostEvent, step } from '../src/host.ts';
import type { SettlementMessage } from '../src/message.ts';
import type { SettlementId } from '../src/model/model.ts';
import type { DomainPresence } from '../src/ports.ts';
import type { JournalRecord } from '../src/record.ts';
import type { Reservation, Settlement, There } from '../src/settlement/settlement.ts';
import type { HostEffect, HostState } from '../src/state.ts';
import { hostConfig } from './support/hosts.ts';
import { domainId, GIB, hostId, traits as traitsWith } from './support/world.ts';

const [home, target, stranger] = [hostId('home'), hostId('target'), hostId('stranger')];
const domain = domainId('vm1');
const settlement = 's1' as SettlementId;

type Without<Event> = Event extends HostEvent ? Omit<Event, 'nowMs'> : never;

/** One host, and everything it ever did. */
class One {
  state: HostState;
  nowMs = 1_000_000;
  readonly journal = new Map<string, JournalRecord>();
  readonly #name: string;

  constructor(name: string, records: readonly JournalRecord[]) {
    this.#name = name;
    for (const record of records) this.#keep(record);
    this.state = createHost(hostConfig(name), records, 'auto');
  }

  take(event: Without<HostEvent>): readonly HostEffect[] {
    const { effects } = step(this.state, { ...event, nowMs: this.nowMs } as HostEvent);
    for (const effect of effects)
      if (effect.kind === 'persist') for (const record of effect.records) this.#keep(record);
    return effects;
  }

  hears(from: typeof home, message: SettlementMessage): readonly HostEffect[] {
    return this.take({ kind: 'messageReceived', from, message });
  }

  ticks(): readonly HostEffect[] {
    this.nowMs += 1_000;
    return this.take({ kind: 'ticked', random: [0.5, 0.5, 0.5, 0.5] });
  }

  /** The agent dies, and starts again from its journal. */
  restart(): void {
    const records = [...this.journal.values()];
    this.state = createHost(hostConfig(this.#name), records, 'auto');
    this.take({ kind: 'restarted' });
  }

  #keep(record: JournalRecord): void {
    this.journal.set(`${record.kind} ${record.key}`, record);
  }
}

const traits = traitsWith({ name: 'vm1', memoryBytes: GIB, migrationBytes: GIB, cpu: 0 });
const reservation: Reservation = {
  settlement,
  domain,
  home,
  version: 7,
  traits,
  row: [],
  phase: 'arriving',
  startedAtMs: 0,
  leaseExpiresAtMs: 2_000_000,
};
const inDoubt: Settlement = {
  settlement,
  domain,
  name: 'vm1',
  to: target,
  version: 7,
  phase: 'resolving',
  startedAtMs: 0,
  endedAtMs: null,
  expectedBytes: GIB,
  detail: '',
  statistics: null,
  unresolvedSinceMs: null,
};

const kinds = (effects: readonly HostEffect[]) =>
  effects.filter(({ kind }) => kind !== 'log').map(({ kind }) => kind);
const said = (effects: readonly HostEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
const locate = (question: number, giveUp = true): SettlementMessage => ({
  kind: 'locate',
  settlement,
  domain,
  question,
  giveUp,
});

describe('the target of a migration in doubt', () => {
  let host: One;

  beforeEach(() => {
    host = new One('target', [{ kind: 'reservation', key: settlement, value: reservation }]);
  });

  const refused = (outcome: 'refused' | 'running' | 'unclear') =>
    host.take({ kind: 'arrivalRefused', settlement, domain, outcome });
  const phase = () => host.state.reservations.get(settlement)?.phase;

  it('says that it gave an arrival up after the refusal is durable, the copy ended, and that durable too', () => {
    const asked = host.hears(home, locate(5));
    expect(kinds(asked)).toEqual(['persist', 'refuseArrival']);
    expect(said(asked)).toEqual([]);
    const ended = refused('refused');
    expect(kinds(ended)).toEqual(['persist', 'send']);
    expect(host.journal.get(`arrival ${settlement}`)?.value).toMatchObject({ ended: 'refused' });
    expect(host.journal.get(`reservation ${settlement}`)?.value).toBeNull();
    expect(said(ended)).toMatchObject([
      { kind: 'located', presence: 'absent', arrival: 'refused', question: 5 },
    ]);
  });

  it('lets nothing in any more from the moment on at which it was asked to', () => {
    host.hears(home, locate(5));
    host.hears(home, { kind: 'settling', settlement, domain });
    host.take({ kind: 'arrivalRequested', from: home, settlement, domain });
    expect(phase()).toBe('refusing');
    host.restart();
    host.hears(home, { kind: 'settling', settlement, domain });
    expect(phase()).toBe('refusing');
    expect(kinds(host.ticks())).toContain('refuseArrival');
  });

  it('keeps its word for ever, across restarts', () => {
    host.hears(home, locate(5));
    refused('refused');
    host.restart();
    const asked = host.hears(home, locate(9));
    expect(kinds(asked)).toEqual(['inspect']);
    const inspected = host.take({
      kind: 'inspected',
      settlement,
      domain,
      presence: { state: 'absent', defined: false },
    });
    expect(said(inspected)).toMatchObject([{ arrival: 'refused', question: 9 }]);
  });

  it('never says so of what may have run', () => {
    host.hears(home, locate(5));
    expect(said(refused('unclear'))).toMatchObject([{ presence: 'absent', arrival: 'unclear' }]);
    expect(host.journal.has(`arrival ${settlement}`)).toBe(false);
    host.hears(home, locate(6));
    expect(said(refused('running'))).toMatchObject([{ presence: 'running', arrival: 'unclear' }]);
  });

  it('says that a domain which runs here is about to be taken in only while room is kept for it', () => {
    host.hears(home, locate(5));
    expect(said(refused('running'))).toMatchObject([{ presence: 'running', arrival: 'open' }]);
    const other = new One('target', []);
    other.hears(home, locate(5, false));
    const presence = { state: 'running' } as const;
    expect(said(other.take({ kind: 'inspected', settlement, domain, presence }))).toMatchObject([
      { presence: 'running', arrival: 'unclear' },
    ]);
  });

  it('remembers that nothing came by what its home never answered, whatever runs here since', () => {
    const asking = { ...reservation, phase: 'asking', leaseExpiresAtMs: 1_500_000 } as const;
    host = new One('target', [{ kind: 'reservation', key: settlement, value: asking }]);
    host.nowMs = 1_500_000;
    host.ticks();
    expect(phase()).toBeUndefined();
    host.restart();
    host.hears(home, locate(5));
    const presence = { state: 'running' } as const;
    expect(said(host.take({ kind: 'inspected', settlement, domain, presence }))).toMatchObject([
      { presence: 'running', arrival: 'refused' },
    ]);
  });

  it('closes the way when its home has been silent and nothing has come, and remembers that', () => {
    const inspect = () =>
      host.take({
        kind: 'inspected',
        settlement,
        domain,
        presence: { state: 'absent', defined: false },
      });
    expect(inspect()).toEqual([]);
    host.nowMs = reservation.leaseExpiresAtMs;
    expect(kinds(inspect())).toEqual(['persist', 'refuseArrival']);
    expect(phase()).toBe('refusing');
    expect(kinds(refused('refused'))).toEqual(['persist']);
    expect(phase()).toBeUndefined();
    expect(host.journal.get(`arrival ${settlement}`)?.value).toMatchObject({ ended: 'refused' });
  });

  it('is certain that nothing ran of what it never opened a way for, whatever its hypervisor can tell', () => {
    const unopened = { ...reservation, opened: false };
    host = new One('target', [{ kind: 'reservation', key: settlement, value: unopened }]);
    host.hears(home, locate(5));
    expect(said(refused('unclear'))).toMatchObject([{ presence: 'absent', arrival: 'refused' }]);
    expect(host.journal.get(`arrival ${settlement}`)?.value).toMatchObject({ unopened: true });
    const opened = new One('target', [{ kind: 'reservation', key: settlement, value: unopened }]);
    opened.take({ kind: 'arrivalRequested', from: home, settlement, domain });
    opened.hears(home, locate(5));
    const unclear = opened.take({ kind: 'arrivalRefused', settlement, domain, outcome: 'unclear' });
    expect(said(unclear)).toMatchObject([{ presence: 'absent', arrival: 'unclear' }]);
  });

  it('gives nothing up for anybody but the home', () => {
    expect(kinds(host.hears(stranger, locate(5)))).toEqual(['inspect']);
    expect(phase()).toBe('arriving');
  });

  it('ends what has come when its home says that it stays, before the room is free', () => {
    const settled = {
      kind: 'settled',
      settlement,
      domain,
      moved: false,
      detail: 'failed',
    } as const;
    expect(kinds(host.hears(home, settled))).toEqual(['persist', 'refuseArrival']);
    expect(phase()).toBe('refusing');
    refused('refused');
    expect(phase()).toBeUndefined();
  });
});

describe('the home of a migration in doubt', () => {
  let host: One;
  const left: DomainPresence = { state: 'paused', detail: 'left', byMigration: true };

  beforeEach(() => {
    host = new One('home', [{ kind: 'settlement', key: settlement, value: inDoubt }]);
    host.take({ kind: 'restarted' });
  });

  const inspected = (presence: DomainPresence) =>
    host.take({ kind: 'inspected', settlement, domain, presence });
  const asks = () =>
    said(host.ticks()).find((message) => message.kind === 'locate') as SettlementMessage & {
      kind: 'locate';
    };
  const answers = (
    question: number,
    presence: 'running' | 'absent' | 'arriving',
    arrival: 'open' | 'refused' | 'arrived' | 'unclear',
    from = target,
  ) => host.hears(from, { kind: 'located', settlement, domain, presence, arrival, question });

  it('asks the target to give the domain up only when it is paused here', () => {
    expect(asks().giveUp).toBe(false);
    inspected({ state: 'migrating-out' });
    expect(asks().giveUp).toBe(false);
    inspected(left);
    answers(asks().question, 'arriving', 'open');
    inspected(left);
    expect(asks().giveUp).toBe(true);
  });

  it('resumes on the proof, again until it shows, and then says that it stayed', () => {
    asks();
    inspected(left);
    answers(asks().question, 'absent', 'refused');
    const decided = inspected(left);
    expect(kinds(decided)).toEqual(['persist', 'resume']);
    expect(kinds(inspected(left))).toEqual(['resume']);
    inspected({ state: 'running' });
    expect(host.state.settlements.get(settlement)).toMatchObject({
      phase: 'failed',
      decided: 'resume',
      detail: expect.stringContaining('resumed at its home'),
    });
  });

  it('has decided to take its copy away, and finds that somebody brought the domain back: it moved', () => {
    asks();
    inspected(left);
    answers(asks().question, 'running', 'arrived');
    expect(kinds(inspected(left))).toEqual(['persist', 'discard']);
    inspected({ state: 'running' });
    answers(asks().question, 'absent', 'arrived');
    inspected({ state: 'running' });
    expect(host.state.settlements.get(settlement)).toMatchObject({ phase: 'moved' });
  });

  it.each(['open', 'unclear'] as const)(
    'has heard that the target runs it, and says so after a restart too, although that says %s once somebody brought it back',
    (arrival) => {
      asks();
      inspected(left);
      answers(asks().question, 'running', 'arrived');
      expect(kinds(inspected(left))).toEqual(['persist', 'discard']);
      host.restart();
      answers(asks().question, 'absent', arrival);
      inspected({ state: 'running' });
      expect(host.state.settlements.get(settlement)).toMatchObject({ phase: 'moved' });
    },
  );

  it('does not take a domain that runs at the target for its own migration before that says so', () => {
    asks();
    inspected(left);
    answers(asks().question, 'running', 'open');
    expect(kinds(inspected(left))).not.toContain('discard');
    inspected({ state: 'absent', defined: false });
    answers(asks().question, 'running', 'open');
    inspected({ state: 'absent', defined: false });
    expect(host.state.settlements.get(settlement)).toMatchObject({
      phase: 'resolving',
      unresolvedSinceMs: null,
    });
  });

  it('runs it, and a copy waits at the target: nothing is said before that has been given up', () => {
    answers(asks().question, 'arriving', 'open');
    inspected({ state: 'running' });
    expect(host.state.settlements.get(settlement)).toMatchObject({ phase: 'resolving' });
  });

  it('resumes on nothing less', () => {
    asks();
    inspected(left);
    for (const arrival of ['open', 'unclear', 'arrived'] as const) {
      answers(asks().question, 'absent', arrival);
      expect(kinds(inspected(left))).not.toContain('resume');
    }
  });

  it('counts no answer to a question that it never asked, that was overtaken, or by somebody else', () => {
    asks();
    inspected(left);
    const [first, second] = [asks(), asks()];
    answers(second.question + 1, 'absent', 'refused');
    answers(0, 'absent', 'refused');
    answers(second.question, 'absent', 'refused', stranger);
    expect(kinds(inspected(left))).not.toContain('resume');
    answers(second.question, 'arriving', 'open');
    answers(first.question, 'absent', 'refused');
    expect(kinds(inspected(left))).not.toContain('resume');
  });

  it('counts no answer of before its own hypervisor told something new, or of before a restart', () => {
    const before = asks();
    inspected({ state: 'migrating-out' });
    inspected(left);
    answers(before.question, 'absent', 'refused');
    expect(kinds(inspected(left))).not.toContain('resume');
    const earlier = asks();
    host.restart();
    host.nowMs += 10;
    inspected(left);
    asks();
    answers(earlier.question, 'absent', 'refused');
    expect(kinds(inspected(left))).not.toContain('resume');
  });

  it('remembers that the target has run it: nothing that is said later lets it resume', () => {
    asks();
    inspected(left);
    answers(asks().question, 'running', 'arrived');
    expect(kinds(inspected(left))).toEqual(['persist', 'discard']);
    host.restart();
    inspected(left);
    answers(asks().question, 'absent', 'refused');
    expect(kinds(inspected(left))).toEqual(['discard']);
    inspected({ state: 'absent', defined: true });
    inspected({ state: 'absent', defined: false });
    expect(host.state.settlements.get(settlement)?.phase).toBe('moved');
  });

  it('holds it paused, and says so, while the target cannot be asked', () => {
    asks();
    inspected(left);
    const effects = inspected(left);
    expect(kinds(effects)).not.toContain('resume');
    expect(host.state.settlements.get(settlement)).toMatchObject({
      phase: 'resolving',
      unresolvedSinceMs: expect.any(Number),
    });
  });
});

describe('an operator who says that a domain which is held here does not run at its target', () => {
  let host: One;
  const left: DomainPresence = { state: 'paused', detail: 'left', byMigration: true };
  const word = (named = 'target') =>
    host.take({ kind: 'ordered', order: { order: 'let-run-on', domain, target: named } });
  const inspected = (presence: DomainPresence) =>
    host.take({ kind: 'inspected', settlement, domain, presence });
  const hears = (presence: There['presence'], arrival: There['arrival']) => {
    const asked = said(host.ticks()).find((message) => message.kind === 'locate');
    const question = asked?.kind === 'locate' ? asked.question : 0;
    host.hears(target, { kind: 'located', settlement, domain, presence, arrival, question });
  };
  const known = () => host.state.settlements.get(settlement);
  /** It is held, and its target is silent. */
  const holds = () => {
    host.ticks();
    inspected(left);
    inspected(left);
  };

  beforeEach(() => {
    host = new One('home', [{ kind: 'settlement', key: settlement, value: inDoubt }]);
    host.take({ kind: 'restarted' });
  });

  it('is believed where the target cannot be asked: durably first, then the copy here runs on, and it stayed', () => {
    holds();
    const told = word();
    expect(kinds(told)).toEqual(['persist', 'resume']);
    expect(host.journal.get(`settlement ${settlement}`)?.value).toMatchObject({ vouched: true });
    expect(kinds(inspected(left))).toEqual(['resume']);
    inspected({ state: 'running' });
    expect(known()).toMatchObject({
      phase: 'failed',
      detail: 'it was resumed at its home: an operator says that it does not run on target',
    });
  });

  it('is believed after a restart of the agent too, before the copy has run on', () => {
    holds();
    word();
    host.restart();
    host.ticks();
    expect(kinds(inspected(left))).toEqual(['resume']);
  });

  it('is believed where the target cannot tell whether it ran there', () => {
    holds();
    hears('absent', 'unclear');
    inspected(left);
    host.take({ kind: 'peersChanged', peers: [{ host: target, connected: true }] });
    expect(kinds(word())).toEqual(['persist', 'resume']);
  });

  it.each<[string, () => void, string?]>([
    ['names another host', () => holds(), 'stranger'],
    ['speaks before the home has looked', () => {}],
    [
      'speaks of what was paused by hand',
      () => {
        holds();
        inspected({ state: 'paused', detail: 'by hand', byMigration: false });
      },
    ],
    [
      'speaks of what runs on here',
      () => {
        holds();
        inspected({ state: 'running' });
      },
    ],
    [
      'speaks of a target that is connected, and has not answered yet',
      () => {
        holds();
        host.take({ kind: 'peersChanged', peers: [{ host: target, connected: true }] });
      },
    ],
    ...(
      [
        ['running', 'open'],
        ['running', 'unclear'],
        ['running', 'arrived'],
        ['running', 'refused'],
        ['arriving', 'open'],
        ['arriving', 'unclear'],
        ['paused', 'unclear'],
        ['absent', 'open'],
        ['absent', 'arrived'],
      ] as const
    ).map(([presence, arrival]): [string, () => void] => [
      `speaks of a target that has just said ${presence}, ${arrival}`,
      () => {
        holds();
        hears(presence, arrival);
      },
    ]),
  ])('is not believed when he %s', (_when, prepare, named = 'target') => {
    prepare();
    expect(kinds(word(named))).toEqual([]);
    expect(known()?.vouched).toBeUndefined();
  });

  it('is not believed against what the target said long ago, if that was that it has run there', () => {
    holds();
    hears('running', 'arrived');
    host.nowMs += 60_000;
    expect(kinds(word())).toEqual([]);
  });

  it('is outranked by a target that says, before the copy here runs, that it has run there', () => {
    holds();
    word();
    hears('running', 'arrived');
    expect(kinds(inspected(left))).toEqual(['persist', 'discard']);
  });

  it('was wrong, and both run: neither is ended, and somebody has to look', () => {
    holds();
    word();
    hears('running', 'arrived');
    expect(kinds(inspected({ state: 'running' }))).toEqual(['persist']);
    expect(known()).toMatchObject({
      phase: 'resolving',
      detail: 'both hosts say that the domain is running',
      unresolvedSinceMs: expect.any(Number),
    });
  });

  describe('and whose target comes back when the domain runs on here', () => {
    const entry: HomeEntry = {
      domain,
      name: 'vm1',
      version: 65_536,
      holder: home,
      settlement,
      leaseExpiresAtMs: null,
      movedAtMs: null,
      restsUntilMs: 0,
      restReason: '',
      failures: 0,
      carriedRow: [],
      approval: null,
      policy: {},
    };
    const connected = (isConnected: boolean) =>
      host.take({ kind: 'peersChanged', peers: [{ host: target, connected: isConnected }] });
    const locates = (effects: readonly HostEffect[]) =>
      said(effects).filter(({ kind }) => kind === 'locate');

    beforeEach(() => {
      host = new One('home', [
        { kind: 'settlement', key: settlement, value: inDoubt },
        { kind: 'home', key: domain, value: entry },
      ]);
      host.take({ kind: 'restarted' });
      connected(false);
      holds();
      word();
      inspected({ state: 'running' });
      expect(known()?.phase).toBe('failed');
      expect(locates(host.ticks())).toEqual([]);
      // Longer than an ended migration is remembered otherwise.
      host.nowMs += 10_000_000;
      host.ticks();
      host.restart();
      connected(true);
    });

    it('is asked once more, also after a restart, and what it never ran is forgotten in time', () => {
      hears('absent', 'unclear');
      expect(known()?.vouched).toBeUndefined();
      host.nowMs += 700_000;
      host.ticks();
      expect(known()).toBeUndefined();
    });

    it('was wrong, and both run: it is in doubt again, neither is ended, and the home neither trades nor moves it', () => {
      hears('running', 'arrived');
      expect(known()).toMatchObject({ phase: 'resolving', endedAtMs: null });
      expect(host.state.homes.get(domain)?.settlement).toBe(settlement);
      hears('running', 'arrived');
      expect(kinds(inspected({ state: 'running' }))).toEqual(['persist']);
      expect(known()).toMatchObject({
        detail: 'both hosts say that the domain is running',
        unresolvedSinceMs: expect.any(Number),
      });
      // Somebody has ended the one here.
      hears('running', 'arrived');
      inspected({ state: 'absent', defined: false });
      expect(known()?.phase).toBe('moved');
    });

    it('was wrong, and the target’s copy is gone by now: somebody is told to look after the disks', () => {
      const asked = locates(host.ticks())[0];
      const question = asked?.kind === 'locate' ? asked.question : 0;
      const told = { presence: 'absent', arrival: 'arrived', question } as const;
      const effects = host.hears(target, { kind: 'located', settlement, domain, ...told });
      expect(effects).toContainEqual(expect.objectContaining({ code: 'word-wrong' }));
      expect(kinds(effects)).toEqual(['persist']);
      expect(known()).toMatchObject({ phase: 'failed' });
    });

    it('is not asked any more when it has been expelled', () => {
      host.take({ kind: 'peersChanged', peers: [] });
      host.nowMs += 700_000;
      host.ticks();
      expect(known()).toBeUndefined();
    });
  });
});
