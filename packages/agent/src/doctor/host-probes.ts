/** The probes of this machine. Each one is bounded in time and size, and none of them changes anything. */

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, readdir, readFile, stat, statfs } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { FileText, HostProbes, ProgramRun } from './probes.ts';

const readMaxBytes = 1024 * 1024;
const runTimeoutMs = 2_000;
const connectTimeoutMs = 1_000;

export function hostProbes(): HostProbes {
  return {
    nodeVersion: process.versions.node,
    memoryBytes: totalmem(),
    cpus: availableParallelism(),
    isRoot: process.geteuid?.() === 0,
    nowMs: () => Date.now(),
    read,
    list: (path) => readdir(path).catch(() => []),
    stat: (path) =>
      stat(path).then(
        ({ mode, uid }) => ({ mode: mode & 0o7777, uid }),
        () => null,
      ),
    mayWrite: async (path) => {
      const place = await nearest(path);
      return access(place, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      );
    },
    freeBytes: async (path) => {
      const place = await nearest(path);
      return statfs(place).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => null,
      );
    },
    connectUnix,
    tryListen,
    run,
    processNames,
  };
}

async function read(path: string): Promise<FileText> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(readMaxBytes), 0, readMaxBytes, 0);
    return { kind: 'text', text: buffer.toString('utf8', 0, bytesRead) };
  } catch (error) {
    const isForbidden = ['EACCES', 'EPERM'].includes(codeOf(error));
    return { kind: isForbidden ? 'forbidden' : 'missing' };
  }
}

async function nearest(path: string): Promise<string> {
  for (let place = path; ; place = dirname(place)) {
    const found = await stat(place).catch(() => null);
    if (found || place === dirname(place)) return place;
  }
}

function connectUnix(path: string): Promise<'open' | 'missing' | 'refused' | 'forbidden'> {
  const { promise, resolve } = Promise.withResolvers<
    'open' | 'missing' | 'refused' | 'forbidden'
  >();
  const socket = connect(path);
  socket.setTimeout(connectTimeoutMs, () => resolve('refused'));
  socket.once('connect', () => resolve('open'));
  socket.once('error', (error) => {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') resolve('missing');
    else resolve(code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'refused');
  });
  return promise.finally(() => socket.destroy());
}

function tryListen(address: string, port: number): Promise<'free' | 'in-use' | 'unavailable'> {
  const { promise, resolve } = Promise.withResolvers<'free' | 'in-use' | 'unavailable'>();
  const server = createServer();
  server.once('error', (error) =>
    resolve(codeOf(error) === 'EADDRINUSE' ? 'in-use' : 'unavailable'),
  );
  server.listen({ host: address, port, exclusive: true }, () =>
    server.close(() => resolve('free')),
  );
  return promise;
}

function run(program: string, words: readonly string[]): Promise<ProgramRun> {
  const { promise, resolve } = Promise.withResolvers<ProgramRun>();
  execFile(
    program,
    [...words],
    { timeout: runTimeoutMs, killSignal: 'SIGKILL', maxBuffer: readMaxBytes },
    (error, output, errors) => {
      if (error?.killed) resolve({ kind: 'timeout' });
      else if (codeOf(error) === 'ENOENT') resolve({ kind: 'missing' });
      else resolve({ kind: 'ended', code: error ? Number(error.code) || 1 : 0, output, errors });
    },
  );
  return promise;
}

async function processNames(): Promise<ReadonlySet<string>> {
  const entries = await readdir('/proc').catch(() => []);
  const pids = entries.filter((entry) => /^\d+$/.test(entry));
  const names = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')),
  );
  return new Set(names.map((name) => name.trim()));
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}
