import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { listMovers } from '../../src/mover/control.ts';
import {
  createAgents,
  facts,
  filesLeft,
  listen,
  moversLeft,
  order,
  temporaryDirectory,
  tidy,
  until,
} from './harness.ts';
import {
  atEnd,
  closeAll,
  closed,
  dial,
  openPath,
  prepareOn,
  startLibvirtd,
} from './opened-path.ts';

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

test('an agent killed in mid-migration cuts nothing, and its movers end by themselves', async () => {
  const agents = createAgents(directory);
  const reached = await startLibvirtd(agents.libvirtSocketPath);
  const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url));
  const agent: ChildProcess = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  atEnd(() => agent.kill('SIGKILL'));
  const group = -(agent.pid ?? 0);
  const [line] = (await once(agent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const opened = JSON.parse(line.toString()) as { libvirt: string; memory: string };
  const path = { ...opened, reached };
  const libvirt = await prepareOn(path);
  let arrivedBytes = 0;
  const qemu = await listen(agents.qemuPaths.memory, (socket) => {
    socket.on('data', (chunk) => {
      arrivedBytes += chunk.length;
    });
    socket.on('end', () => socket.end());
  });
  atEnd(() => qemu.close());
  const memory = dial(opened.memory);
  memory.resume();
  const piece = Buffer.alloc(1024 * 1024, 1);
  memory.write(piece);
  await until('bytes flow', () => arrivedBytes === piece.length);

  // With everything in its process group, as a terminal or a service manager might.
  process.kill(group, 'SIGKILL');
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
