/**
 * `npm run mutants [-- --seeds N] [--only PATTERN]`
 *
 * Breaks the core in every way of `mutants.ts`, one at a time, on a copy of the tree, and lets the fault
 * simulation look for it. A mutant that nobody catches within so many seeds is a gap in the checkers or in the
 * faults, and fails the run.
 */

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Edit, Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '500' }, only: { type: 'string', default: '' } },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'barter-mutants-'));

type Caught = Readonly<{ checker: string; seeds: number }>;
type Told = Readonly<{ failure?: Readonly<{ checker: string; message: string }> }>;

try {
  const chosen = mutants.filter(({ name }) => new RegExp(values.only).test(name));
  for (const mutant of chosen) mutant.edits.map(sourceOf);
  makeCopy();
  const whole = hunt();
  if (whole !== undefined)
    throw new Error(
      `the core as it is breaks "${whole.checker}" at seed ${whole.seeds}: repair that first`,
    );
  const rows = chosen.map((mutant) => row(mutant));
  const survivors = rows.filter((caught) => !caught).length;
  process.stdout.write(`${chosen.length - survivors} of ${chosen.length} mutants caught\n`);
  process.exitCode = survivors === 0 ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true });
}

/** Tells what became of one mutant; says whether it was caught. */
function row(mutant: Mutant): boolean {
  const sources = mutant.edits.map(({ file }) => file);
  for (const edit of mutant.edits) {
    const source = readFileSync(pathIn(copy, edit.file), 'utf8');
    writeFileSync(
      pathIn(copy, edit.file),
      source.replace(edit.original, () => edit.broken),
    );
  }
  const caught = hunt();
  for (const file of sources) cpSync(pathIn(root, file), pathIn(copy, file));
  const fate =
    caught === undefined
      ? `SURVIVED ${values.seeds} seeds`
      : `${caught.checker.padEnd(12)} ${String(caught.seeds).padStart(4)} seed${caught.seeds === 1 ? '' : 's'}`;
  process.stdout.write(`${mutant.name.padEnd(74)} ${fate}\n`);
  return caught !== undefined;
}

function hunt(): Caught | undefined {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(copy, 'test/faults/main.ts'), '--seed', '1', '--count', values.seeds, '--json'],
    { encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  const told = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told);
  const failure = told.at(-1)?.failure;
  if (failure !== undefined) return { checker: failure.checker, seeds: told.length };
  if (status !== 0) throw new Error(`the simulation did not run: ${stderr}`);
  return undefined;
}

/** The source that an edit is about; throws when the text to be replaced is not there exactly once. */
function sourceOf({ file, original }: Edit): void {
  const times = readFileSync(pathIn(root, file), 'utf8').split(original).length - 1;
  if (times !== 1)
    throw new Error(`${file} has this ${times} times, and a mutant needs it once:\n${original}`);
}

function pathIn(tree: string, file: string): string {
  return join(tree, 'packages/core/src', file);
}

/** What the simulation needs, with the copy's own packages in place of the tree's. */
function makeCopy(): void {
  for (const path of ['packages/core', 'packages/sim', 'test/faults', 'package.json'])
    cpSync(join(root, path), join(copy, path), { recursive: true });
  mkdirSync(join(copy, 'node_modules/@barter'), { recursive: true });
  for (const name of ['core', 'sim'])
    symlinkSync(join(copy, 'packages', name), join(copy, 'node_modules/@barter', name));
  for (const name of ['zod', 'echarts'])
    symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name));
}
