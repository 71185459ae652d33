/** Perform-done between two hosts, step by step: what is durable before what is said, and which answers count. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { SettlementMessage } from '../src/message.ts';
import type { DomainPresence } from '../src/model/presence.ts';
import {
  domain,
  home,
  inDoubt,
  kinds,
  left,
  locate,
  One,
  reservation,
  said,
  settlement,
  stranger,
  target,
} from './support/one.ts';

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
