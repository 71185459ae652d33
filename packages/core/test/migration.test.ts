import { describe, expect, it } from 'vitest';
import { estimateMigration } from '../src/model/migration.ts';

const GIB = 2 ** 30;

describe('the bytes of a live migration', () => {
  const estimate = (ratio: number, downtimeMs = 300) =>
    estimateMigration({
      memoryBytes: GIB,
      dirtyBytesPerSecond: ratio * 1e8,
      bandwidthBytesPerSecond: 1e8,
      downtimeMs,
    });
  it('are the memory when nothing is dirtied', () => {
    expect(estimate(0)).toEqual({
      ok: true,
      bytes: GIB,
      durationMs: (GIB / 1e8) * 1000,
      rounds: 0,
    });
  });
  it('are what the rounds send one after the other, until the rest fits into the downtime', () => {
    const found = estimate(0.5);
    if (!found.ok) throw new Error(found.reason);
    const rounds: number[] = [];
    for (let left = GIB; ; left *= 0.5) {
      rounds.push(left);
      if (left <= 1e8 * 0.3) break;
    }
    expect(found.rounds).toBe(rounds.length - 1);
    expect(found.bytes).toBeCloseTo(rounds.reduce((a, b) => a + b, 0));
  });
  it('stay below five times the memory wherever it is not refused', () => {
    const found = estimate(0.799, 0);
    if (!found.ok) throw new Error(found.reason);
    expect(found.bytes).toBeLessThan(5 * GIB);
  });
  it('are refused, with the reason, when the guest dirties memory as fast as it is sent', () => {
    expect(estimate(0.8)).toMatchObject({ ok: false, code: 'never-converges' });
    expect(estimate(Number.NaN)).toMatchObject({ ok: false });
    expect(
      estimateMigration({
        memoryBytes: GIB,
        dirtyBytesPerSecond: 0,
        bandwidthBytesPerSecond: 0,
        downtimeMs: 300,
      }),
    ).toMatchObject({ ok: false, code: 'no-bandwidth' });
  });
});
