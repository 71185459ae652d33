/**
 * The decision table of a migration whose end nobody saw, in full: every state of the home's hypervisor against
 * every answer of the target, and the rules that no row may break.
 */

import { describe, expect, it } from 'vitest';
import type { DomainPresence } from '../src/model/presence.ts';
import {
  type ArrivalWord,
  type Located,
  type Resolution,
  resolve,
  type There,
} from '../src/settlement/settlement.ts';

const heres = {
  running: { state: 'running' },
  'migrating out': { state: 'migrating-out' },
  arriving: { state: 'arriving' },
  left: { state: 'paused', detail: 'left', byMigration: true },
  'by hand': { state: 'paused', detail: 'by hand', byMigration: false },
  'shut off': { state: 'absent', defined: true },
  gone: { state: 'absent', defined: false },
} as const satisfies Record<string, DomainPresence>;
type Here = keyof typeof heres;

const presences: readonly Located[] = ['running', 'paused', 'arriving', 'absent'];
const arrivals: readonly ArrivalWord[] = ['open', 'refused', 'arrived', 'unclear'];
const theres: readonly (There | null)[] = [
  null,
  ...presences.flatMap((presence) => arrivals.map((arrival) => ({ presence, arrival }))),
];
const elsewheres = [null, 'h9'];

const every = (Object.keys(heres) as Here[]).flatMap((here) =>
  theres.flatMap((there) =>
    elsewheres.map((elsewhere) => ({
      here,
      there,
      elsewhere,
      resolution: resolve(heres[here], there, { elsewhere }),
    })),
  ),
);

const word = (resolution: Resolution) => {
  if (resolution.kind !== 'wait') return resolution.kind;
  if (resolution.nowhere) return `nowhere,${resolution.nowhere}`;
  if (resolution.giveUp) return resolution.alarm ? 'ask!' : 'ask';
  return resolution.alarm ? 'alarm' : 'wait';
};

/** What follows for each arrival word (open, refused, arrived, unclear), row by row. */
const table: Readonly<Record<Here, Readonly<Record<Located | 'unreachable', string>>>> = {
  running: {
    running: 'alarm alarm alarm alarm',
    paused: 'stayed stayed moved stayed',
    arriving: 'ask stayed moved stayed',
    absent: 'stayed stayed moved stayed',
    unreachable: 'stayed',
  },
  'migrating out': {
    running: 'wait wait wait wait',
    paused: 'wait wait wait wait',
    arriving: 'wait wait wait wait',
    absent: 'wait wait wait wait',
    unreachable: 'wait',
  },
  arriving: {
    running: 'alarm alarm alarm alarm',
    paused: 'alarm alarm alarm alarm',
    arriving: 'alarm alarm alarm alarm',
    absent: 'alarm alarm alarm alarm',
    unreachable: 'alarm',
  },
  left: {
    running: 'wait alarm clear ask!',
    paused: 'alarm alarm clear alarm',
    arriving: 'ask ask clear ask',
    absent: 'ask resume clear ask!',
    unreachable: 'alarm',
  },
  'by hand': {
    running: 'alarm alarm alarm alarm',
    paused: 'alarm alarm alarm alarm',
    arriving: 'ask ask alarm ask!',
    absent: 'ask stayed alarm ask!',
    unreachable: 'alarm',
  },
  'shut off': {
    running: 'wait stayed clear unknown',
    paused: 'alarm alarm clear alarm',
    arriving: 'alarm alarm clear alarm',
    absent: 'stayed stayed clear stayed',
    unreachable: 'alarm',
  },
  gone: {
    running: 'wait stayed moved unknown',
    paused: 'alarm alarm moved alarm',
    arriving: 'alarm alarm moved alarm',
    absent: 'nowhere,unknown nowhere,stayed moved nowhere,unknown',
    unreachable: 'alarm',
  },
};

/** Where a third host runs what is gone from here: whether it went by way of the target, only that can tell. */
function elsewhereWord({ presence, arrival }: There): string {
  if (arrival === 'refused') return 'stayed';
  if (arrival === 'arrived') return 'moved';
  if (arrival === 'unclear') return 'unknown';
  return presence === 'running' ? 'wait' : 'ask';
}

describe('how a migration ended that nobody saw end', () => {
  it('is decided as the table says, in every case', () => {
    for (const { here, there, elsewhere, resolution } of every) {
      const row = table[here][there?.presence ?? 'unreachable'].split(' ');
      const column = there === null ? 0 : arrivals.indexOf(there.arrival);
      // A third host that speaks for a domain that is gone from here: the only thing that hearsay decides.
      const isElsewhere = here === 'gone' && elsewhere !== null && there !== null;
      const expected = isElsewhere ? elsewhereWord(there) : row[column];
      expect([here, there, elsewhere, word(resolution)]).toEqual([
        here,
        there,
        elsewhere,
        expected,
      ]);
    }
  });

  it('is not over while it runs here by a guess and may run at the target, which cannot be asked', () => {
    for (const { here, there, elsewhere, resolution } of every) {
      const guessed = resolve(heres[here], there, { elsewhere, guessed: true });
      if (here === 'running' && there === null) expect(word(guessed)).toBe('alarm');
      else expect(guessed).toEqual(resolution);
    }
  });

  it('is decided by an operator’s word where nobody can tell whether what is held here ran there, and nowhere else', () => {
    for (const { here, there, elsewhere, resolution } of every) {
      const vouched = resolve(heres[here], there, { elsewhere, vouched: true });
      const isUntold =
        there === null || (there.presence === 'absent' && there.arrival === 'unclear');
      if (here === 'left' && isUntold) expect(word(vouched)).toBe('resume');
      else expect(vouched).toEqual(resolution);
    }
    // What the word let run on here runs here.
    const runs = resolve(heres.running, null, { guessed: true, vouched: true });
    expect(word(runs)).toBe('stayed');
  });

  it('resumes only what a migration left, and only on the proof that the target never ran it', () => {
    for (const { here, there, resolution } of every)
      if (resolution.kind === 'resume')
        expect([here, there]).toEqual(['left', { presence: 'absent', arrival: 'refused' }]);
  });

  it('ends nothing but what the target has run, and never what runs or was paused by hand', () => {
    for (const { here, there, resolution } of every) {
      if (resolution.kind !== 'clear') continue;
      expect(['left', 'shut off']).toContain(here);
      expect(there?.arrival).toBe('arrived');
    }
  });

  it('says that it moved only where the target says that it arrived, whoever runs it', () => {
    for (const { here, there, elsewhere, resolution } of every)
      if (resolution.kind === 'moved')
        expect({ here, there, elsewhere }).toMatchObject({ there: { arrival: 'arrived' } });
  });

  it('decides nothing about a copy that is left while the target cannot be asked', () => {
    for (const { here, there, resolution } of every)
      if (there === null && here === 'left') expect(word(resolution)).toBe('alarm');
  });
});
