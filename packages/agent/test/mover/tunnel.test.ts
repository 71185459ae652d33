import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeHeader } from '../../src/mover/channel.ts';
import { findMover, listMovers } from '../../src/mover/control.ts';
import { createIdentity } from '../../src/mover/identity.ts';
import { frame, gibibyte, openCall, prepareCall } from './calls.ts';
import {
  type Agents,
  createAgents,
  facts,
  filesLeft,
  listen,
  moversLeft,
  order,
  readAll,
  temporaryDirectory,
  tidy,
  until,
} from './harness.ts';

// Each test starts two processes or more, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

let directory: string;
let closers: (() => void)[];

beforeEach(async () => {
  directory = await temporaryDirectory();
  closers = [];
});

afterEach(async () => {
  for (const close of closers) close();
  await tidy(directory);
});

/** A libvirtd that collects what reaches it and answers everything with `pong`. */
async function startLibvirtd(path: string): Promise<() => Buffer> {
  const reached: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = await listen(path, (socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => {
      reached.push(chunk);
      socket.write('pong');
    });
    socket.on('end', () => socket.end());
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return () => Buffer.concat(reached);
}

async function openPath(agents: Agents) {
  const reached = await startLibvirtd(agents.libvirtSocketPath);
  const opened = await agents.path.open(order, facts);
  if (!opened.ok) throw new Error(`${opened.code}: ${opened.message}`);
  const libvirt = decodeURIComponent(opened.value.destinationUri.split('socket=')[1] ?? '');
  const memory = (opened.value.migrateUri ?? '').replace('unix://', '');
  return { reached, libvirt, memory, path: opened.value };
}

function dial(path: string, allowHalfOpen = false): Socket {
  const socket = connect({ path, allowHalfOpen });
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  return socket;
}

/** Resolves when the connection is over, with an error or without. */
function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** A libvirt connection on which the domain has been prepared: the memory channel is open now. */
async function prepareOn(path: Awaited<ReturnType<typeof openPath>>): Promise<Socket> {
  const libvirt = dial(path.libvirt);
  libvirt.write(Buffer.concat([openCall(), prepareCall(path.memory)]));
  await until('libvirtd saw the prepare', () => path.reached().length > openCall().length);
  libvirt.resume();
  return libvirt;
}

async function logText(agents: Agents): Promise<string> {
  return readFile(agents.logFile, 'utf8').catch(() => '');
}

test('bytes pass both ways, and half-closed connections stay half open', async () => {
  const agents = createAgents(directory);
  const path = await openPath(agents);
  const libvirt = dial(path.libvirt);
  const calls = Buffer.concat([openCall(), prepareCall(path.memory)]);
  // In pieces that respect no frame's border.
  libvirt.write(calls.subarray(0, 17));
  libvirt.write(calls.subarray(17));
  const [answer] = (await once(libvirt, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^(pong)+$/);
  await until('all frames reached libvirtd', () => path.reached().equals(calls));

  const stream = Buffer.alloc(8 * 1024 * 1024, 'guest memory ');
  let arrived: Buffer | undefined;
  const qemu = await listen(agents.qemuPaths.memory, async (socket) => {
    arrived = await readAll(socket);
    socket.end('thanks');
  });
  closers.push(() => qemu.close());
  const memory = dial(path.memory, true);
  memory.end(stream);
  expect((await readAll(memory)).toString()).toBe('thanks');
  expect(arrived?.equals(stream)).toBe(true);

  libvirt.end();
  qemu.close();
  await until('the movers ended by themselves', async () => (await moversLeft(directory)) === 0);
  expect(await filesLeft(directory)).toEqual([]);
});

test('a call that a migration does not need ends the connection before libvirtd sees it', async () => {
  const agents = createAgents(directory);
  const path = await openPath(agents);
  const libvirt = dial(path.libvirt);
  libvirt.resume().write(Buffer.concat([openCall(), frame({ procedure: 12 })]));
  await closed(libvirt);
  const reached = path.reached();
  expect(reached.equals(openCall().subarray(0, reached.length))).toBe(true);
  expect(await logText(agents)).toContain('libvirt call procedure 12 was refused');
});

test('no memory flows before libvirt has prepared the domain', async () => {
  const agents = createAgents(directory);
  const path = await openPath(agents);
  let connections = 0;
  const qemu = await listen(agents.qemuPaths.memory, () => {
    connections += 1;
  });
  closers.push(() => qemu.close());
  const memory = dial(path.memory);
  memory.resume().write('memory without a prepare');
  await closed(memory);
  expect(connections).toBe(0);
});

test('a connection with another key, or with none, reaches nothing', async () => {
  const agents = createAgents(directory);
  const path = await openPath(agents);
  const answered = agents.logged.length;
  expect(answered).toBeGreaterThan(0);
  const port = Number(/"port":(\d+)/.exec(await logText(agents))?.[1]);
  const stranger = await createIdentity();
  for (const identity of [{ key: stranger.keyPem, cert: stranger.certificatePem }, {}]) {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...identity });
    socket.on('error', () => {});
    socket.on('secureConnect', () =>
      socket.write(Buffer.concat([encodeHeader('libvirt'), openCall()])),
    );
    socket.resume();
    await closed(socket);
  }
  expect(path.reached().length).toBe(0);
  expect(await logText(agents)).toContain('does not hold the key of this lease');
});

test('a target whose key is not the one agreed on gets not a byte', async () => {
  const agents = createAgents(directory);
  const other = await createIdentity();
  agents.wire.rewrite = (_name, body) => body;
  const prepare = agents.wire.handlers.get('migration.prepare');
  agents.wire.onRequest('migration.prepare', async (from, body) => {
    const answer = await prepare?.(from, body);
    if (answer?.ok !== true) throw new Error('the target refused');
    const value = structuredClone(answer.value) as { tunnel: { fingerprint: string } };
    value.tunnel.fingerprint = other.fingerprint;
    return { ok: true, value };
  });
  const path = await openPath(agents);
  const libvirt = dial(path.libvirt);
  libvirt.resume().write(openCall());
  await closed(libvirt);
  expect(path.reached().length).toBe(0);
  expect(await logText(agents)).toContain('has another key than agreed');
});

test('when the lease ends before the migration began, the movers end and nothing is left', async () => {
  const agents = createAgents(directory);
  agents.lease.current = { expiresAtMs: Date.now() + 8000, memoryBytes: 2 * gibibyte };
  await openPath(agents);
  expect(await moversLeft(directory)).toBe(2);
  await until('the movers ended', async () => (await moversLeft(directory)) === 0);
  expect(await filesLeft(directory)).toEqual([]);
});

test('after the lease the connection under way goes on and a second one is refused', async () => {
  const agents = createAgents(directory);
  agents.lease.current = { expiresAtMs: Date.now() + 8000, memoryBytes: 2 * gibibyte };
  const path = await openPath(agents);
  const libvirt = await prepareOn(path);
  await until('the lease is over', () => Date.now() > (agents.lease.current?.expiresAtMs ?? 0));
  const late = dial(path.libvirt);
  late.resume().write(openCall());
  await closed(late);
  const before = path.reached().length;
  const ping = frame({ program: 0x6b65_6570, procedure: 1, type: 2 });
  libvirt.write(ping);
  await until(
    'the first connection still works',
    () => path.reached().length === before + ping.length,
  );
});

test('the agent tells both movers to close, in the middle of the migration too', async () => {
  const agents = createAgents(directory);
  const path = await openPath(agents);
  const libvirt = await prepareOn(path);
  expect((await findMover(`${directory}/t`, order.settlement, 'target'))?.phase).toBe('carrying');
  await path.path.close();
  await path.path.close();
  await closed(libvirt);
  await until('the movers ended', async () => (await moversLeft(directory)) === 0);
  expect(await filesLeft(directory)).toEqual([]);
});

test('a path on which nothing moves is given up', async () => {
  const agents = createAgents(directory, { idleMs: 4000 });
  const path = await openPath(agents);
  const libvirt = await prepareOn(path);
  await closed(libvirt);
  await until('the movers ended', async () => (await moversLeft(directory)) === 0);
  expect(await logText(agents)).toContain('No byte has moved');
});

test('an agent killed in mid-migration cuts nothing, and its movers end by themselves', async () => {
  const agents = createAgents(directory);
  const reached = await startLibvirtd(agents.libvirtSocketPath);
  const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url));
  const agent: ChildProcess = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  closers.push(() => agent.kill('SIGKILL'));
  const [line] = (await once(agent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const opened = JSON.parse(line.toString()) as { libvirt: string; memory: string };
  const path = { ...opened, reached, path: { destinationUri: '', close: async () => {} } };
  const libvirt = await prepareOn(path);
  let arrivedBytes = 0;
  const qemu = await listen(agents.qemuPaths.memory, (socket) => {
    socket.on('data', (chunk) => {
      arrivedBytes += chunk.length;
    });
    socket.on('end', () => socket.end());
  });
  closers.push(() => qemu.close());
  const memory = dial(opened.memory);
  memory.resume();
  const piece = Buffer.alloc(1024 * 1024, 1);
  memory.write(piece);
  await until('bytes flow', () => arrivedBytes === piece.length);

  agent.kill('SIGKILL');
  await once(agent, 'exit');
  for (let count = 0; count < 32; count += 1) memory.write(piece);
  memory.end();
  await until('all of it arrived', () => arrivedBytes === 33 * piece.length);

  // A restarted agent finds what the dead one left.
  const leftovers = await listMovers(`${directory}/s`);
  expect(leftovers.map((mover) => [mover.role, mover.settlement])).toEqual([
    ['source', order.settlement],
  ]);
  libvirt.end();
  qemu.close();
  await until('the movers ended by themselves', async () => (await moversLeft(directory)) === 0);
  expect(await filesLeft(directory)).toEqual([]);
  for (const { pid } of leftovers) await until('the process is gone', () => !isAlive(pid));
});

test('movers that were killed leave nothing that stands in the way', async () => {
  const agents = createAgents(directory);
  const first = await openPath(agents);
  const libvirt = await prepareOn(first);
  const movers = await Promise.all(['s', 't'].map((side) => listMovers(`${directory}/${side}`)));
  for (const { pid } of movers.flat()) process.kill(pid, 'SIGKILL');
  await closed(libvirt);
  const again = await agents.path.open(order, facts);
  expect(again.ok).toBe(true);
  if (again.ok) await again.value.close();
  expect(await moversLeft(directory)).toBe(0);
  expect(await filesLeft(directory)).toEqual([]);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
