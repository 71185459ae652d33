/** The demo as a stranger runs it: a process that shows the whole of Barter and leaves nothing behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DemoSummary } from '../../src/demo/demo-view.ts';

const barter = fileURLToPath(new URL('../../bin/barter.mjs', import.meta.url));
/** The demo promises two minutes; a machine that is busy with other tests gets a little more. */
const withinMs = 150_000;

type Demo = {
  child: ChildProcess;
  out: string;
  events: string;
  /** Resolves with the exit code, or with the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
};

let directory: string;
const started: Demo[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'barter-test-of-demo-'));
});

afterEach(async () => {
  for (const demo of started.splice(0)) {
    demo.child.kill('SIGTERM');
    await demo.ended;
  }
  await rm(directory, { recursive: true, force: true });
});

function start(...options: string[]): Demo {
  const { npm_lifecycle_event: _, ...env } = process.env;
  const child = spawn(process.execPath, [barter, 'demo', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, TMPDIR: directory },
  });
  const demo: Demo = {
    child,
    out: '',
    events: '',
    ended: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal))),
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    demo.out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    demo.events += text;
  });
  started.push(demo);
  return demo;
}

function agentsOf(demo: Demo): readonly number[] {
  return [...demo.events.matchAll(/agent of \w+ started, process (\d+)/g)].map((match) =>
    Number(match[1]),
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`this never happened: ${what}`);
    await pause(20);
  }
}

async function allUp(demo: Demo): Promise<readonly number[]> {
  await until(() => demo.events.includes('agents are up'), `agents up in ${demo.events}`);
  return agentsOf(demo);
}

async function expectNothingLeft(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isRunning), 'the agents ended');
  expect(await readdir(directory)).toEqual([]);
}

describe('barter demo', () => {
  it('five agents lower the network cost, lose no VM, and nothing is left behind', {
    timeout: withinMs,
  }, async () => {
    const demo = start('--json');
    expect(await demo.ended, demo.events).toBe(0);
    const summary = JSON.parse(demo.out) as DemoSummary;
    expect(summary).toMatchObject({ ok: true, hosts: 5, domains: 20, lost: [], doubled: [] });
    expect(summary.finalCost).toBeLessThan(summary.initialCost / 2);
    expect(summary.moves).toBeGreaterThan(0);
    expect(summary.deals).toBeGreaterThan(0);
    expect(summary.migratedBytes).toBeGreaterThan(0);
    expect(summary.seconds).toBeLessThan(120);
    const pids = agentsOf(demo);
    expect(new Set(pids).size).toBe(5);
    await expectNothingLeft(pids);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends on %s without leaving anything',
    { timeout: withinMs },
    async (signal) => {
      const demo = start('--json', '--hosts', '2', '--domains', '6');
      const pids = await allUp(demo);
      expect(pids).toHaveLength(2);
      demo.child.kill(signal);
      expect(await demo.ended).toBe(signal === 'SIGINT' ? 130 : 143);
      await expectNothingLeft(pids);
    },
  );

  it('ends on a signal while its agents are still starting', { timeout: withinMs }, async () => {
    const demo = start('--json', '--hosts', '2', '--domains', '6');
    await until(() => agentsOf(demo).length === 1, 'the first agent started');
    demo.child.kill('SIGTERM');
    expect(await demo.ended).toBe(143);
    await expectNothingLeft(agentsOf(demo));
  });

  it('says so and clears up when an agent crashes', { timeout: withinMs }, async () => {
    const demo = start('--json', '--hosts', '2', '--domains', '6');
    const pids = await allUp(demo);
    process.kill(pids[1] as number, 'SIGKILL');
    expect(await demo.ended).toBe(1);
    expect(demo.events).toContain('The agent of h2 was ended by SIGKILL');
    const summary = JSON.parse(demo.out) as DemoSummary;
    expect(summary.ok).toBe(false);
    await expectNothingLeft(pids);
  });

  it('when it is killed, its agents end, and the next one clears up', {
    timeout: withinMs,
  }, async () => {
    const killed = start('--json', '--hosts', '2', '--domains', '6');
    const pids = await allUp(killed);
    killed.child.kill('SIGKILL');
    await killed.ended;
    await until(() => !pids.some(isRunning), 'the agents noticed');
    expect(await readdir(directory)).toHaveLength(1);
    const next = start('--json', '--hosts', '2', '--domains', '2');
    const nextPids = await allUp(next);
    expect(await readdir(directory)).toHaveLength(1);
    next.child.kill('SIGTERM');
    await next.ended;
    await expectNothingLeft(nextPids);
  });

  it('leaves nothing when nobody reads its output any more', { timeout: withinMs }, async () => {
    const demo = start('--hosts', '2', '--domains', '6');
    let text = '';
    demo.child.stdout?.on('data', (chunk: string) => {
      text += chunk;
    });
    await until(() => text.includes('agents are up'), 'agents up');
    demo.events = text;
    demo.child.stdout?.destroy();
    await demo.ended;
    await expectNothingLeft(agentsOf(demo));
  });

  it('refuses counts that make no sense', async () => {
    const demo = start('--hosts', '1');
    expect(await demo.ended).toBe(2);
    expect(demo.events).toContain('a whole number from 2 to 16');
  });
});
