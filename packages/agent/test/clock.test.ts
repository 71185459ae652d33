/** The agent's clock on a machine that is set, suspended, and started again. */

import type { Journal, JournalRecord } from '@barter/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clockContract } from '../../../test/contract/clock-random.ts';
import { AgentClock, stampingJournal } from '../src/clock.ts';

const startMs = 1_700_000_000_000;
const hourMs = 3_600_000;

/** A machine whose clocks a test moves. */
class Machine {
  wall = startMs;
  monotonic = 5_000;
  boot = 5_000;

  readonly sources = {
    wallMs: () => Math.floor(this.wall),
    monotonicMs: () => this.monotonic,
    sinceBootMs: () => Math.floor(this.boot / 10) * 10,
  };

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
    this.boot += ms;
  }

  suspend(ms: number): void {
    this.wall += ms;
    this.boot += ms;
  }
}

clockContract('of the agent', () => {
  let setByMs = 0;
  return {
    clock: new AgentClock({
      wallMs: () => Date.now() + setByMs,
      monotonicMs: () => performance.now(),
      sinceBootMs: () => performance.now() + 1e6,
    }),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    setWall: (byMs) => {
      setByMs += byMs;
    },
  };
});

clockContract('of the agent, on this machine', () => ({
  clock: new AgentClock(),
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

describe('the clock of the agent', () => {
  it.each([hourMs, -hourMs, 50 * 365 * 24 * hourMs])(
    'goes on as time passes when the machine is set by %i ms, and follows slowly',
    (setMs) => {
      const machine = new Machine();
      const clock = new AgentClock(machine.sources);
      machine.wall += setMs;
      expect(clock.nowMs()).toBe(startMs);
      for (let second = 0; second < 3_600; second++) {
        machine.pass(1_000);
        clock.nowMs();
      }
      const offMs = clock.nowMs() - (startMs + hourMs);
      expect(offMs).toBe(Math.sign(setMs) * 18_000);
      expect(clock.problems().join()).toContain(setMs > 0 ? 'set forward by' : 'set back by');
    },
  );

  it('is the wall clock when nobody sets that', () => {
    const machine = new Machine();
    const clock = new AgentClock(machine.sources);
    for (let step = 0; step < 10_000; step++) {
      machine.pass(997);
      // The crystal is off by 50 in a million.
      machine.wall += 0.05;
      expect(Math.abs(clock.nowMs() - machine.wall)).toBeLessThan(5);
    }
    expect(clock.problems()).toEqual([]);
  });

  it('counts the time for which the machine was suspended', () => {
    const machine = new Machine();
    const clock = new AgentClock(machine.sources);
    machine.pass(10_000);
    clock.nowMs();
    machine.suspend(8 * hourMs);
    machine.pass(2_000);
    expect(Math.abs(clock.nowMs() - machine.wall)).toBeLessThan(10);
  });

  it('does not believe a time since boot that goes on alone', () => {
    const machine = new Machine();
    const clock = new AgentClock(machine.sources);
    machine.boot += 8 * hourMs;
    machine.pass(2_000);
    expect(clock.nowMs()).toBe(startMs + 2_000);
    machine.boot -= 8 * hourMs;
    machine.pass(2_000);
    expect(clock.nowMs()).toBe(startMs + 4_000);
  });

  it('never goes back, and never runs off, whatever happens to the machine', () => {
    const deed = fc.record({
      passMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
      setMs: fc.oneof(fc.constant(0), fc.integer({ min: -1e9, max: 1e9 })),
    });
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 50 }), (deeds) => {
        const machine = new Machine();
        const clock = new AgentClock(machine.sources);
        let passedMs = 0;
        let before = clock.nowMs();
        for (const { passMs, setMs } of deeds) {
          machine.pass(passMs);
          machine.wall += setMs;
          passedMs += passMs;
          const now = clock.nowMs();
          expect(now).toBeGreaterThanOrEqual(before);
          expect(Math.abs(now - startMs - passedMs)).toBeLessThanOrEqual(0.005 * passedMs + 1);
          before = now;
        }
      }),
    );
  });
});

it('receipts carry the time of the wall clock, and nothing else is touched', async () => {
  const kept: JournalRecord[] = [];
  const journal: Journal = {
    load: async () => [],
    append: async (records) => void kept.push(...records),
  };
  const receipt = { kind: 'fact', atMs: 1, domain: 'v1' as never, detail: 'it runs here' } as const;
  const settings = { mode: 'auto', configuredMode: 'auto', stopped: false, sequence: 1 } as const;
  await stampingJournal(journal, () => startMs).append([
    { kind: 'receipt', key: 'r1', value: receipt },
    { kind: 'settings', key: 'settings', value: settings },
  ]);
  expect(kept).toEqual([
    { kind: 'receipt', key: 'r1', value: { ...receipt, atMs: startMs } },
    { kind: 'settings', key: 'settings', value: settings },
  ]);
});
