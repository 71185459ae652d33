/** How long a migration may take and how much downtime it gets. */

import { describe, expect, test } from 'vitest';
import { budgetMs, downtimeLadder, Patience, type Verdict } from '../../src/hypervisor/patience.ts';

const gib = 1024 ** 3;
const patience = (options: { memoryBytes?: number; downtimeMaxMs?: number } = {}) =>
  new Patience({ startedAtMs: 0, memoryBytes: 4 * gib, downtimeMaxMs: 300, ...options });
const at = (seconds: number, bytesRemaining: number, iteration = 1) => ({
  atMs: seconds * 1000,
  memory: { bytesRemaining, iteration },
});

test.each([
  [50, [50]],
  [100, [100]],
  [300, [100, 150, 200, 300]],
  [350, [100, 150, 200, 300, 350]],
  [2_000, [100, 150, 200, 300, 400, 500, 2_000]],
])('the downtime goes up to %i ms in steps', (max, ladder) => {
  expect(downtimeLadder(max)).toEqual(ladder);
});

describe('downtime', () => {
  test('the least at once, then one step for each pass after the second, and never more than allowed', () => {
    const watch = patience();
    const allowed: number[] = [];
    for (let iteration = 1; iteration <= 12; iteration += 1) {
      const verdict = watch.judge(at(iteration, 1000 - iteration, iteration));
      if (verdict.kind === 'allow-downtime') allowed.push(verdict.downtimeMs);
      expect(watch.judge(at(iteration, 1000 - iteration, iteration))).toEqual({ kind: 'go-on' });
    }
    expect(allowed).toEqual([100, 150, 200, 300]);
  });
});

describe('giving up', () => {
  const drive = (watch: Patience, readings: readonly Parameters<Patience['judge']>[0][]) => {
    let verdict: Verdict = { kind: 'go-on' };
    for (const reading of readings) {
      verdict = watch.judge(reading);
      if (verdict.kind === 'give-up') return { verdict, atMs: reading.atMs };
    }
    return { verdict, atMs: null };
  };

  test('nothing is sent any more: after 150 s', () => {
    const stuck = Array.from({ length: 400 }, (_, s) => at(s, s < 60 ? 5_000 - s : 4_940));
    expect(drive(patience(), stuck)).toMatchObject({
      verdict: { code: 'no-progress' },
      atMs: (60 + 150) * 1000,
    });
  });

  test('QEMU never says anything: after 150 s', () => {
    const silent = Array.from({ length: 400 }, (_, s) => ({ atMs: s * 1000, memory: null }));
    expect(drive(patience(), silent)).toMatchObject({
      verdict: { code: 'no-progress' },
      atMs: 150_000,
    });
  });

  test('a first pass of more than 150 s is progress all along, and so is a shorter second one', () => {
    const first = Array.from({ length: 200 }, (_, s) => at(s, 2_000 - s * 10, 1));
    const second = Array.from({ length: 180 }, (_, s) => at(200 + s, 1_900 - s * 10, 2));
    expect(drive(patience(), [...first, ...second]).atMs).toBeNull();
  });

  test('passes that do not get smaller are no progress', () => {
    const passes = Array.from({ length: 60 }, (_, pass) =>
      Array.from({ length: 10 }, (_, s) => at(pass * 10 + s, 1_000 - s * 100, pass + 1)),
    ).flat();
    expect(drive(patience(), passes)).toMatchObject({ verdict: { code: 'no-progress' } });
  });

  test('slow but steady: after 150 s for each GiB, and not before', () => {
    const slow = Array.from({ length: 700 }, (_, s) => at(s, 1_000_000 - s));
    expect(drive(patience(), slow)).toMatchObject({ verdict: { code: 'too-slow' }, atMs: 600_000 });
  });

  test('a small guest gets the time of one GiB', () => {
    expect(budgetMs(96 * 1024 ** 2)).toBe(150_000);
    expect(budgetMs(8 * gib)).toBe(1_200_000);
  });
});
