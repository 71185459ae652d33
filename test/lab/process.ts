/**
 * Processes: run a command to its end, start one that outlives us, and end it later. A process is
 * remembered by PID and start time (clock ticks since boot, proc(5)), so that a PID that was used again is
 * never taken for ours.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { findProcess, type ProcessRecord } from '@barter/agent/process-record.ts';

/** A failure of the lab that one sentence explains. */
export class LabError extends Error {}

/** A process as it can be recognised later. */
export type { ProcessRecord };

export type Output = Readonly<{ code: number; stdout: string; stderr: string }>;

export type RunOptions = Readonly<{
  input?: string;
  timeoutMs?: number;
  environment?: Readonly<Record<string, string>>;
}>;

/** Runs a command to its end. Never rejects for a failed command: the exit code says it (124 after a timeout, 127 not found). */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
  const [command = '', ...parameters] = argv;
  return new Promise((resolve) => {
    const child = spawn(command, parameters, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', ...options.environment },
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? 60_000);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // The command may end without reading its input.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout, stderr: stderr + error.message });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? 124 : (code ?? 1), stdout, stderr });
    });
  });
}

/** Runs a command that has to succeed and returns what it printed. Throws `LabError` with its last words. */
export async function mustRun(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  const words = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-3).join(' ');
  const shown = argv.join(' ').slice(0, 200);
  throw new LabError(`${shown} failed (exit code ${result.code}): ${words}`);
}

/** Starts a process in a session of its own that outlives us; both its outputs are appended to `logFile`. */
export function startDetached(
  argv: readonly string[],
  logFile: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessRecord> {
  const [command = '', ...parameters] = argv;
  const log = openSync(logFile, 'a');
  const child = spawn(command, parameters, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, LC_ALL: 'C', ...environment },
  });
  closeSync(log);
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new LabError(`${command} did not start: ${error.message}`)),
    );
    child.once('spawn', () => {
      child.unref();
      const record = child.pid === undefined ? undefined : identify(child.pid);
      if (record) resolve(record);
      else reject(new LabError(`${command} ended at once; its output is in ${logFile}`));
    });
  });
}

/** What the kernel says about a PID now; undefined when it is gone or a zombie. */
export function identify(pid: number): ProcessRecord | undefined {
  const found = findProcess(pid);
  return found === undefined ? undefined : { pid, startTicks: found.startTicks };
}

export function isAlive(record: ProcessRecord | null | undefined): record is ProcessRecord {
  if (!record) return false;
  return identify(record.pid)?.startTicks === record.startTicks;
}

/** Signals a process if it is still the one we know. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

/** Ends processes: asks first, and after `graceMs` takes those that are left. Resolves when all are gone. */
export async function endAll(records: readonly ProcessRecord[], graceMs: number): Promise<void> {
  for (const record of records) signal(record, 'SIGTERM');
  const gone = () => !records.some(isAlive);
  if (await poll(gone, graceMs, 50)) return;
  for (const record of records) signal(record, 'SIGKILL');
  await until('processes of the lab to end after SIGKILL', gone, 20_000, 50);
}

/** Looks again and again until the condition holds; false when it did not within `timeoutMs`. */
export async function poll(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 200,
): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** As `poll`, but a condition that does not come true throws a `LabError` that says what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 200,
): Promise<void> {
  if (await poll(condition, timeoutMs, everyMs)) return;
  throw new LabError(`waited ${Math.round(timeoutMs / 1000)} s in vain for ${what}`);
}

/** Runs a job for each item, at most `atOnce` at a time. */
export async function forEachBounded<Item>(
  items: readonly Item[],
  atOnce: number,
  job: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await job(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
