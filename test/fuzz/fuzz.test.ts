/**
 * A short run of every target; `npm run fuzz` runs them for longer. The seed is that of the day, so that many runs see
 * more than one does, and a failure of today can be repeated today; it names its own seed for later.
 */

import { describe, expect, test } from 'vitest';
import { fuzz } from './driver.ts';
import { Dice } from './random.ts';
import { again, runTarget, type TargetName } from './run-target.ts';
import { broken, target } from './target.ts';
import { targets } from './targets.ts';

const seed = Math.floor(Date.now() / 86_400_000);
/** About a second for each on one core. */
const cpuMs = 1000;

describe('every decoder stands what it is given', () => {
  test.each(Object.keys(targets) as TargetName[])('%s', { timeout: 60_000 }, async (name) => {
    const first = await runTarget(name, { seed, from: 0, inputs: 300 });
    const each = Math.max(0.01, first.cpuMs / 300);
    const inputs = first.finding === null ? Math.min(20_000, Math.floor(cpuMs / each)) : 0;
    const tally = inputs > 0 ? await runTarget(name, { seed, from: 300, inputs }) : first;
    const { finding } = tally;
    expect(finding, finding === null ? '' : again(finding)).toBeNull();
    expect(tally.inputs).toBeGreaterThanOrEqual(300);
  });
});

describe('the driver itself finds', () => {
  const run = { seed: 1, from: 0, inputs: 200 };
  const base = { name: 'made up', make: (dice: Dice) => dice.bytes(dice.length(100)) };

  test('an exception, and makes the same input again from its number', async () => {
    const thrower = target<Uint8Array>({
      ...base,
      read: (bytes) => void (bytes[0] === 7 && broken('no seven')),
    });
    const { finding } = await fuzz(thrower, { ...run, inputs: 5000 });
    expect(finding?.problem).toContain('no seven');
    const index = finding?.index ?? 0;
    expect(Buffer.from(base.make(new Dice(1, index))).toString('hex')).toBe(finding?.input);
    const repeated = await fuzz(thrower, { seed: 1, from: index, inputs: 1 });
    expect(repeated.finding).toMatchObject({ index, input: finding?.input });
  });

  test('an input that takes too long', async () => {
    const slow = target<Uint8Array>({ ...base, cpuMsMax: 20, read: () => burn(60) });
    expect((await fuzz(slow, run)).finding?.problem).toContain('ms (at most 20)');
  });

  test('an input that takes too much memory', async () => {
    const kept: unknown[] = [];
    const greedy = target<Uint8Array>({
      ...base,
      bytesMax: 1e6,
      bytesPerByte: 0,
      read: () => void kept.push(Array.from({ length: 500_000 }, (_, index) => index + 0.5)),
    });
    expect((await fuzz(greedy, run)).finding?.problem).toContain(
      'bytes of memory (at most 1000000)',
    );
  });
});

function burn(ms: number): void {
  const before = process.threadCpuUsage();
  while (process.threadCpuUsage(before).user < ms * 1000);
}
