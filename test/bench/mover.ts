/**
 * Throughput of a migration's bytes: through the two movers (Unix socket, TLS, Unix socket) and, in the
 * same run, through two plain pipes without TLS (Unix socket, TCP, Unix socket). Every part is a process
 * of its own, as in a migration: who sends, two that carry, who receives.
 *
 *   npm run bench:mover [-- --gibibytes N] [--rounds N]
 *
 * Prints MB/s (10⁶ bytes) of each round and the ratio of the medians, and what the two that carry take of
 * CPU time, which a busy machine changes less: seconds per GiB, starting included.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { highWaterMarkBytes } from '../../packages/agent/src/mover/carrier.ts';
import { openCall, prepareCall } from '../../packages/agent/test/mover/calls.ts';
import {
  createAgents,
  facts,
  listen,
  order,
  tidy,
} from '../../packages/agent/test/mover/harness.ts';

const self = fileURLToPath(import.meta.url);
const roles: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  send,
  receive,
  carry,
};
const [role = '', ...args] = process.argv.slice(2);
const play = roles[role];
if (play === undefined) await main();
else await play(...args);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      gibibytes: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const bytes = Number(values.gibibytes) * 1024 ** 3;
  const rounds: { mover: Measured[]; plain: Measured[] } = { mover: [], plain: [] };
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    // In turns, so that whatever else the machine does falls on both.
    const plain = await measurePlain(bytes);
    const mover = await measureMover(bytes);
    rounds.plain.push(plain);
    rounds.mover.push(mover);
    console.log(`round ${round}: plain ${show(plain)}; mover ${show(mover)}`);
  }
  const [mover, plain] = [medians(rounds.mover), medians(rounds.plain)];
  const ratio = (mover.bytesPerSecond / plain.bytesPerSecond).toFixed(2);
  console.log(`median: plain ${show(plain)}; mover ${show(mover)}; ratio ${ratio}`);
}

type Measured = Readonly<{ bytesPerSecond: number; cpuSecondsPerGibibyte: number }>;

/** Through the movers, from the first byte received to the last. */
async function measureMover(bytes: number): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'barter-bench-'));
  const agents = createAgents(directory);
  const libvirtd = await listen(agents.libvirtSocketPath, (socket) => {
    socket.on('data', () => socket.write('answer'));
    socket.on('end', () => socket.end());
  });
  try {
    const opened = await agents.path.open(order, facts);
    if (!opened.ok) throw new Error(opened.message);
    const libvirtPath = decodeURIComponent(opened.value.destinationUri.split('socket=')[1] ?? '');
    const memoryPath = (opened.value.migrateUri ?? '').replace('unix://', '');
    const libvirt = connect(libvirtPath);
    libvirt.write(Buffer.concat([openCall(), prepareCall(memoryPath)]));
    await once(libvirt, 'data');
    const bytesPerSecond = await transfer(memoryPath, agents.qemuPaths.memory, bytes);
    libvirt.destroy();
    await opened.value.close();
    const log = await readFile(agents.logFile, 'utf8');
    const cpuMs = [...log.matchAll(/"cpuMs":(\d+)/g)].map((match) => Number(match[1]));
    return measured(bytesPerSecond, cpuMs, bytes);
  } finally {
    libvirtd.close();
    await tidy(directory);
  }
}

async function measurePlain(bytes: number): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'barter-bench-'));
  const [near, far] = [join(directory, 'near'), join(directory, 'far')];
  const second = start('carry', '0', far);
  const port = await firstLine(second);
  const first = start('carry', near, port);
  await firstLine(first);
  try {
    const used = Promise.all([firstLine(first), firstLine(second)]);
    const bytesPerSecond = await transfer(near, far, bytes);
    return measured(bytesPerSecond, (await used).map(Number), bytes);
  } finally {
    first.kill();
    second.kill();
    await tidy(directory);
  }
}

function measured(bytesPerSecond: number, cpuMs: readonly number[], bytes: number): Measured {
  const cpuSeconds = cpuMs.reduce((sum, ms) => sum + ms, 0) / 1000;
  return { bytesPerSecond, cpuSecondsPerGibibyte: cpuSeconds / (bytes / 1024 ** 3) };
}

async function transfer(from: string, to: string, bytes: number): Promise<number> {
  const receiver = start('receive', to);
  await firstLine(receiver);
  const measured = firstLine(receiver);
  const sender = start('send', from, String(bytes));
  const [received, ms] = (await measured).split(' ').map(Number) as [number, number];
  if (sender.exitCode === null) await once(sender, 'exit');
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes arrived`);
  return (received * 1000) / ms;
}

function start(...command: string[]): ChildProcess {
  return spawn(process.execPath, [self, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return chunk.toString().trim();
}

/** Sends as QEMU does: large writes, then the end. */
async function send(path = '', bytes = '0'): Promise<void> {
  const socket = connect(path);
  const piece = Buffer.alloc(1024 * 1024, 7);
  for (let left = Number(bytes); left > 0; left -= piece.length) {
    if (!socket.write(left < piece.length ? piece.subarray(0, left) : piece))
      await once(socket, 'drain');
  }
  socket.end();
}

/** Says `listening`, then how many bytes came and in how many milliseconds. */
async function receive(path = ''): Promise<void> {
  const server = createServer((socket) => {
    let bytes = 0;
    let startedMs = 0;
    socket.on('data', (chunk) => {
      startedMs ||= performance.now();
      bytes += chunk.length;
    });
    socket.on('end', () => {
      console.log(`${bytes} ${performance.now() - startedMs}`);
      server.close();
    });
  });
  server.listen(path, () => console.log('listening'));
}

/**
 * The plain pipe: from a Unix path to a port, or from a port (0: any, and says which) to a Unix path.
 * Says in the end how many milliseconds of CPU it took.
 */
async function carry(from = '', to = ''): Promise<void> {
  const settings = { highWaterMark: highWaterMarkBytes, noDelay: true, allowHalfOpen: true };
  const server = createServer(settings, (near: Socket) => {
    const target = /^\d+$/.test(to) ? { port: Number(to), host: '127.0.0.1' } : { path: to };
    const far = connect({ ...target, ...settings });
    pipeline(near, far, () => {});
    pipeline(far, near, () => {
      const { user, system } = process.cpuUsage();
      console.log(Math.round((user + system) / 1000));
    });
  });
  const where = /^\d+$/.test(from) ? { port: Number(from), host: '127.0.0.1' } : { path: from };
  server.listen(where, () => {
    const address = server.address();
    console.log(typeof address === 'object' && address !== null ? address.port : 'listening');
  });
}

function medians(all: readonly Measured[]): Measured {
  const median = (values: number[]) =>
    values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    bytesPerSecond: median(all.map((each) => each.bytesPerSecond)),
    cpuSecondsPerGibibyte: median(all.map((each) => each.cpuSecondsPerGibibyte)),
  };
}

function show({ bytesPerSecond, cpuSecondsPerGibibyte }: Measured): string {
  return `${Math.round(bytesPerSecond / 1e6)} MB/s at ${cpuSecondsPerGibibyte.toFixed(2)} s/GiB`;
}
