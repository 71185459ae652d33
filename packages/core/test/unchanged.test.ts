import { describe, expect, test } from 'vitest';
import { isAsBefore, keptRates } from '../src/measuring/unchanged.ts';
import type { DomainId } from '../src/model/model.ts';
import type { HostedDomain } from '../src/state.ts';

const rates = (...values: readonly number[]) =>
  values.map((bitsPerSecond, n) => ({ address: `a${n}`, bitsPerSecond }));

describe('rates that are measured again', () => {
  const before = rates(1e6, 5e7);

  test('are the ones from before when none differs by more than a thousandth', () => {
    expect(keptRates(before, rates(1.0009e6, 4.996e7))).toBe(before);
  });

  test('are new when one differs, came, went or is another one', () => {
    const changed = [
      rates(1.002e6, 5e7),
      rates(1e6),
      rates(1e6, 5e7, 1),
      [...before].reverse(),
      rates(0, 5e7),
    ];
    for (const now of changed) expect(keptRates(before, now)).toBe(now);
  });

  test('do not drift: what was taken in last is what counts', () => {
    let kept: HostedDomain['rates'] = before;
    for (let step = 1; step <= 20; step++) {
      const now = rates(1e6 * (1 + step * 0.0004), 5e7);
      kept = keptRates(kept, now);
      const [then = 0, is = 0] = [kept[0]?.bitsPerSecond, now[0]?.bitsPerSecond];
      expect(Math.abs(is - then)).toBeLessThanOrEqual(0.001 * then);
    }
    expect(kept).not.toBe(before);
  });
});

describe('a domain that is measured again', () => {
  const traits = {
    name: 'v1',
    memoryBytes: 2 ** 31,
    vcpus: 1,
    cpu: 0.5,
    dirtyBytesPerSecond: 1e6,
    policy: {},
    migrationBytes: 2 ** 31,
  };
  const before: HostedDomain = {
    domain: 'v1' as DomainId,
    traits,
    priced: traits,
    addresses: ['a'],
    state: 'running',
    rates: rates(1e6),
  };

  const isKept = (now: HostedDomain) =>
    isAsBefore(before, now, now.traits.migrationBytes, now.blocked);

  test('is as before while nothing of it differs', () => {
    expect(isKept({ ...before, traits: { ...traits }, addresses: ['a'] })).toBe(true);
  });

  test('is another one as soon as something does', () => {
    const changed: readonly Partial<HostedDomain>[] = [
      { state: 'paused' },
      { blocked: 'a device is passed through' },
      { addresses: ['b'] },
      { traits: { ...traits, cpu: 0.6 } },
      { traits: { ...traits, memoryBytes: 2 ** 32 } },
      { traits: { ...traits, migrationBytes: 1 } },
      { traits: { ...traits, policy: { frozen: true } } },
    ];
    for (const change of changed) expect(isKept({ ...before, ...change })).toBe(false);
  });
});
