/** What the marks of an arrival say, also those that older movers made, or that a full disk cut off. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { arrivalEvidence, markOpened, noteOrder, orderedMark } from '../../src/mover/door.ts';
import { monotonicMs } from '../../src/mover/monotonic.ts';
import { temporaryDirectory, tidy } from './harness.ts';

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(() => tidy(directory));

async function evidenceOf(mark: string) {
  const file = orderedMark(directory, 's1');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, mark);
  return arrivalEvidence(directory, 's1');
}

test('an order is noted with both clocks and the name of the domain', async () => {
  const [atMs, wallMs] = [monotonicMs(), Date.now()];
  const evidence = await evidenceOf(noteOrder('vm 1'));
  if (evidence.kind !== 'ordered' || evidence.copy === null) throw new Error('there is a mark');
  expect(evidence.copy.name).toBe('vm 1');
  expect(evidence.atMs - atMs).toBeGreaterThanOrEqual(0);
  expect(evidence.copy.wallMs - wallMs).toBeGreaterThanOrEqual(0);
});

test('a mark of an older mover says when the order passed, and no more', async () => {
  expect(await evidenceOf('4711.25')).toEqual({ kind: 'ordered', atMs: 4711.25, copy: null });
});

test.each(['', '{"atMs":47', '{}', '"x"', '{"atMs":1,"wallMs":2}'])(
  'the mark %j was made, and nobody knows when',
  async (mark) => {
    expect(await evidenceOf(mark)).toEqual({ kind: 'ordered', atMs: 0, copy: null });
  },
);

test('on a way that no mover watches, nothing is noted that a log could be held against', async () => {
  await markOpened(directory, 's1', false);
  expect(await arrivalEvidence(directory, 's1')).toMatchObject({ kind: 'ordered', copy: null });
  await markOpened(directory, 's2', true);
  expect(await arrivalEvidence(directory, 's2')).toEqual({ kind: 'opened' });
});
