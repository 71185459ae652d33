/**
 * `barter mover`: the separate process that carries a migration's bytes. Started by an agent, which
 * may die while it works; ended by its own limits (carrier.ts), by its work, or over its control socket.
 *
 * In: a job (job.ts) on standard input. Out: one line on standard output when it listens, or why it
 * cannot. Standard error is its log. Exit code 0 when its work is over, 1 when it could not begin.
 */

import { rm } from 'node:fs/promises';
import { argv } from 'node:process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Log } from '@barter/core';
import { keepOutOfCoreDumps } from '../core-dump.ts';
import { failure, type Result, success } from '../result.ts';
import { Carrier } from './carrier.ts';
import { serveControl } from './control.ts';
import { jobBytesMax, type MoverAnswer, type MoverJob, moverJob } from './job.ts';
import { createMoverLog } from './mover-log.ts';
import { startSource } from './source-mover.ts';
import { startTarget } from './target-mover.ts';

type Closable = Readonly<{ close(): void }>;

/** Runs one mover from the first byte of its job to its end. Sets the exit code; never rejects. */
export async function runMover(stdin: Readable): Promise<void> {
  keepOutOfCoreDumps();
  const job = await readJob(stdin);
  if (!job.ok) {
    answer({ ok: false, code: job.code, message: job.message });
    process.exitCode = 1;
    return;
  }
  const { role, settlement, domain, peer } = job.value;
  const log = createMoverLog({ name: 'mover', role, settlement, domain, peer });
  const outcome = await carryOut(job.value, log);
  if (!outcome.ok) {
    log.log('error', outcome.code, outcome.message);
    answer({ ok: false, code: outcome.code, message: outcome.message });
    process.exitCode = 1;
  }
}

/** Resolves when the work is over; fails when it could not begin. */
async function carryOut(job: MoverJob, log: Log): Promise<Result<null>> {
  const servers: Closable[] = [];
  let over: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    over = resolve;
  });
  const carrier = new Carrier(job, over);
  // A terminal that goes away is none of our business; being told to stop is.
  process.on('SIGHUP', () => {});
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // The way would break, and libvirt guess: only the agent ends that.
      if (carrier.awaitsAnswer) log.log('warn', 'not-stopped', 'An order’s answer is awaited.');
      else carrier.end('The process was told to stop.');
    });
  try {
    const started = await start(job, carrier, log, servers);
    if (!started.ok) {
      carrier.end(started.message);
      return started;
    }
    log.log('info', 'listening', 'The mover is ready.', { port: started.value });
    answer({ ok: true, pid: process.pid, port: started.value });
    const reason = await ended;
    const { user, system } = process.cpuUsage();
    const cpuMs = Math.round((user + system) / 1000);
    log.log('info', 'over', reason, { bytes: carrier.status.bytes, cpuMs });
    return success(null);
  } finally {
    // The control socket goes last: while it answers, something may be left.
    const [control, ...others] = servers;
    for (const server of others) server.close();
    await rm(job.directory, { recursive: true, force: true });
    control?.close();
  }
}

async function start(
  job: MoverJob,
  carrier: Carrier,
  log: Log,
  servers: Closable[],
): Promise<Result<number>> {
  const { role, settlement, domain, peer } = job;
  try {
    const control = await serveControl(job.controlPath, {
      status: () => ({ role, settlement, domain, peer, pid: process.pid, ...carrier.status }),
      close: () => carrier.end('The agent closed the path.'),
    });
    servers.push(control);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return failure('cannot-listen', `The mover cannot listen on ${job.controlPath}: ${detail}.`);
  }
  if (job.role === 'source') {
    const sources = await startSource(job, carrier, log);
    if (!sources.ok) return sources;
    servers.push(...sources.value);
    return success(0);
  }
  const target = await startTarget(job, carrier, log);
  if (!target.ok) return target;
  servers.push(target.value.server);
  return success(target.value.port);
}

async function readJob(stdin: Readable): Promise<Result<MoverJob>> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > jobBytesMax)
      return failure('bad-job', 'The job on standard input is too long.');
  }
  try {
    const job = moverJob.safeParse(JSON.parse(text));
    if (job.success) return success(job.data);
    const issue = job.error.issues[0];
    return failure('bad-job', `The job is wrong at ${issue?.path.join('.')}: ${issue?.message}.`);
  } catch {
    return failure('bad-job', 'Standard input holds no job; an agent starts movers, nobody else.');
  }
}

/** The agent may be gone already: nobody to tell is no reason to stop. */
function answer(line: MoverAnswer): void {
  process.stdout.on('error', () => {});
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// In a bundle every module has the bundle's URL, and the command line decides what runs.
const self = fileURLToPath(import.meta.url);
if (self.endsWith('/mover/main.ts') && argv[1] === self) await runMover(process.stdin);
