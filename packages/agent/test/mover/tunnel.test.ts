import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeHeader } from '../../src/mover/channel.ts';
import { findMover } from '../../src/mover/control.ts';
import { createIdentity } from '../../src/mover/identity.ts';
import { frame, gibibyte, openCall, prepareCall } from './calls.ts';
import {
  createAgents,
  filesLeft,
  listen,
  moversLeft,
  order,
  readAll,
  temporaryDirectory,
  tidy,
  until,
} from './harness.ts';
import { atEnd, closeAll, closed, dial, logText, openPath, prepareOn } from './opened-path.ts';

// Each test starts two processes or more, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  closeAll();
  await tidy(directory);
});

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
  atEnd(() => qemu.close());
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
  atEnd(() => qemu.close());
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
