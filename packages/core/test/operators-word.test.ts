/** An operator’s word about a migration in doubt: when it is believed, and what happens when it was wrong. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { DomainPresence } from '../src/model/presence.ts';
import type { There } from '../src/settlement/settlement.ts';
import type { HostEffect } from '../src/state.ts';
import {
  domain,
  home,
  inDoubt,
  kinds,
  left,
  One,
  said,
  settlement,
  target,
} from './support/one.ts';
import { homeEntryOf } from './support/records.ts';

describe('an operator who says that a domain which is held here does not run at its target', () => {
  let host: One;
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
    const entry = homeEntryOf({ domain, name: 'vm1', version: 65_536, holder: home, settlement });
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
