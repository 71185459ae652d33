import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The core is pure because the lint says so: each forbidden thing must make it fail, there and only there. */

const root = fileURLToPath(new URL('..', import.meta.url));
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
const checkout = mkdtempSync(join(tmpdir(), 'barter-purity-'));

beforeAll(() => {
  for (const file of ['biome.json', '.gitignore', 'packages/core/no-random.grit'])
    cpSync(join(root, file), join(checkout, file), { recursive: true });
});
afterAll(() => rmSync(checkout, { recursive: true }));

/** Lints one file as it would be linted at that place in the repository. */
function lint(path: string, source: string): { status: number | null; output: string } {
  mkdirSync(join(checkout, dirname(path)), { recursive: true });
  writeFileSync(join(checkout, path), source);
  const { status, stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', path], {
    cwd: checkout,
    encoding: 'utf8',
  });
  return { status, output: `${stdout}${stderr}` };
}

const impure: Readonly<Record<string, string>> = {
  'the clock': 'export const now = () => Date.now();\n',
  'a monotonic clock': 'export const now = () => performance.now();\n',
  'a timer': 'setTimeout(() => undefined, 5);\n',
  randomness: 'export const random = () => Math.random();\n',
  'random identifiers': 'export const id = () => crypto.randomUUID();\n',
  'the process': 'export const home = process.env.HOME;\n',
  'the console': "console.log('hello');\n",
  'a built-in module':
    "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;\n",
  'a dependency': "import { z } from 'zod';\nexport const schema = z;\n",
  'another package of ours':
    "import { createLog } from '@barter/agent/log.ts';\nexport const log = createLog;\n",
};

test.each(Object.entries(impure))('the core may not use %s', (_name, source) => {
  const { status, output } = lint('packages/core/src/impure.ts', source);
  expect(status, output).not.toBe(0);
  expect(output).toMatch(/noRestricted(Globals|Imports)|randomness comes in with the event/);
});

test('what the core does use passes', () => {
  const source = "import { assert } from './assert.ts';\nexport const check = assert;\n";
  const { status, output } = lint('packages/core/src/pure.ts', source);
  expect(status, output).toBe(0);
});

test('the same things are allowed where they belong', () => {
  const { status, output } = lint('packages/agent/src/clock.ts', impure['the clock'] ?? '');
  expect(status, output).toBe(0);
});
