import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants } from './mutants.ts';

/** Mutants rot when the core is rewritten: each must still find what it breaks, exactly once. `npm run mutants` hunts them. */

const core = new URL('../../packages/core/src/', import.meta.url);

test.each(mutants)('there is something to break: $name', ({ edits }) => {
  for (const { file, original, broken } of edits) {
    const times = readFileSync(new URL(file, core), 'utf8').split(original).length - 1;
    expect(times, `${file}: ${original}`).toBe(1);
    expect(broken).not.toBe(original);
  }
});
