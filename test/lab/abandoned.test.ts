import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { isAbandoned, takeAbandonedAway, thisProcess } from './abandoned.ts';
import { downLab } from './down.ts';
import { completeOptions } from './options.ts';
import { planLab } from './plan.ts';
import { identify, isAlive, type ProcessRecord, until } from './process.ts';
import { bootId, type LabState, readState, writeState } from './state.ts';

const me = thisProcess() as ProcessRecord;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function sleeper(): { child: ChildProcess; record: ProcessRecord } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  children.push(child);
  return { child, record: identify(child.pid ?? 0) as ProcessRecord };
}

/** A process that was there, and is not any more. */
async function gone(): Promise<ProcessRecord> {
  const { child, record } = sleeper();
  child.kill('SIGKILL');
  await once(child, 'exit');
  return record;
}

describe('a lab', () => {
  const bootedNow = { bootId: bootId() };

  test('goes with its process', async () => {
    expect(isAbandoned({ ...bootedNow, owner: me })).toBe(false);
    expect(isAbandoned({ ...bootedNow, owner: await gone() })).toBe(true);
  });

  test('is abandoned when its PID is that of another process by now', () => {
    const reused = { ...me, startTicks: me.startTicks - 1 };
    expect(isAbandoned({ ...bootedNow, owner: reused })).toBe(true);
    expect(isAbandoned({ bootId: 'another boot', owner: me })).toBe(true);
  });

  test('that was brought up by hand, or before labs had owners, is never abandoned', () => {
    expect(isAbandoned({ ...bootedNow, owner: null })).toBe(false);
    expect(isAbandoned({ bootId: 'another boot', owner: null })).toBe(false);
    const { owner: _, ...before } = { ...bootedNow, owner: null };
    expect(isAbandoned(before as LabState)).toBe(false);
  });
});

/** Labs that exist on paper only, and in one process each that plays a libvirtd. */
describe.skipIf(process.getuid?.() !== 0)('taking abandoned labs away', () => {
  const name = (what: string) => `t-${what}-${process.pid}`;

  function write(what: string, owner: ProcessRecord | null): ProcessRecord {
    const state = planLab(completeOptions({ name: name(what), hosts: 1, domains: 0 }), owner);
    const { record } = sleeper();
    if (state.hosts[0]) state.hosts[0].libvirtd = record;
    writeState(state);
    return record;
  }

  test('ends what the state names, and leaves the labs of others', async () => {
    const left = write('left', await gone());
    const owned = write('owned', me);
    const byHand = write('by-hand', null);
    try {
      const lines: string[] = [];
      await takeAbandonedAway((line) => lines.push(line));
      // Another test file that builds a lab just now may be the one that takes it away.
      await until('the abandoned lab to go', () => !readState(name('left')), 20_000, 20);
      expect(isAlive(left)).toBe(false);
      expect([owned, byHand].map(isAlive)).toEqual([true, true]);
      expect(readState(name('owned'))?.owner).toEqual(me);
      expect(readState(name('by-hand'))?.owner).toBeNull();
      expect(lines.join()).not.toMatch(/owned|by-hand/);
    } finally {
      for (const what of ['left', 'owned', 'by-hand']) await downLab(name(what));
    }
  });
});
