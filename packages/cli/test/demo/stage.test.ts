import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { setStage } from '../../src/demo/stage.ts';

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'barter-stage-test-'));
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

it('makes a directory of its own and leaves nothing behind', async () => {
  const stage = await setStage(parent);
  await writeFile(join(stage.directory, 'journal'), 'x');
  await stage.clear();
  expect(await readdir(parent)).toEqual([]);
  await stage.clear();
});

it('clears away what a killed demo left', async () => {
  const abandoned = join(parent, 'barter-demo-killed');
  await mkdir(abandoned);
  await writeFile(join(abandoned, 'host.key'), 'secret');
  // A socket file whose listener is dead, as SIGKILL leaves it.
  const dead = createServer().listen(join(parent, 'listener'));
  await new Promise((resolve) => dead.once('listening', resolve));
  await import('node:fs/promises').then(({ rename }) =>
    rename(join(parent, 'listener'), join(abandoned, 'alive.sock')),
  );
  await new Promise((resolve) => dead.close(resolve));
  const stage = await setStage(parent);
  expect(existsSync(abandoned)).toBe(false);
  await stage.clear();
});

it('leaves demos alone that are running, starting, or not demos', async () => {
  const running = await setStage(parent);
  const starting = join(parent, 'barter-demo-fresh1');
  const foreign = join(parent, 'barter-demo-notes-of-mine');
  const longAgo = new Date(Date.now() - 3_600_000);
  await mkdir(starting);
  await mkdir(foreign);
  await utimes(foreign, longAgo, longAgo);
  const stage = await setStage(parent);
  for (const path of [running.directory, starting, foreign]) expect(existsSync(path)).toBe(true);
  await stage.clear();
  await running.clear();
});

it('clears away a directory whose demo died before it was set up', async () => {
  const old = join(parent, 'barter-demo-older1');
  await mkdir(old);
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(old, longAgo, longAgo);
  const stage = await setStage(parent);
  expect(existsSync(old)).toBe(false);
  await stage.clear();
});
