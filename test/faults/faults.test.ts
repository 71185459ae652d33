import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { regressions } from './regressions.ts';
import { run } from './run.ts';

/** Every rule holds under faults, and everything ends after them: the first seeds of `npm run faults`. */

const seedCount = 200;
const perTest = 20;

/** What a failure needs to be understood and repeated. */
function report(seed: number): string | undefined {
  const { failure } = run(seed);
  if (failure === undefined) return undefined;
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout;
  return `seed ${seed}, commit ${commit.trim()}: ${failure.checker}: ${failure.message}\n${failure.excerpt}`;
}

describe('clusters under faults', () => {
  const firsts = Array.from({ length: seedCount / perTest }, (_, index) => 1 + index * perTest);
  test.each(firsts)('every rule holds from seed %i on', { timeout: 120_000 }, (first) => {
    for (let seed = first; seed < first + perTest; seed++) expect(report(seed)).toBeUndefined();
  });

  test.each(regressions)('seed $seed: $what', ({ seed }) => {
    expect(report(seed)).toBeUndefined();
  });

  test('one seed is one story', () => {
    const [one, same, other] = [run(2), run(2), run(3)];
    expect(same).toEqual(one);
    expect(other.digest).not.toBe(one.digest);
    expect(one.moves).toBeGreaterThan(0);
  });
});
