/**
 * The guest's QEMU while an order to run it elsewhere is on its way: a real process, stopped and let go by real movers.
 * Here it is a shell with QEMU's words on its command line.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeMover, listMovers } from '../../src/mover/control.ts';
import { departureWay } from '../../src/mover/departures.ts';
import { findQemuProcess } from '../../src/mover/qemu-process.ts';
import { beginStandstill, endStandstill, standstillMark } from '../../src/mover/standstill.ts';
import { lookAtProcess, type ProcessRecord } from '../../src/process-record.ts';
import { finishCall, frame, uuid } from './calls.ts';
import {
  type Agents,
  createAgents,
  facts,
  order,
  temporaryDirectory,
  tidy,
  until,
} from './harness.ts';
import { closeAll, closed, openPath, prepareOn } from './opened-path.ts';

vi.setConfig({ testTimeout: 90_000 });

let directory: string;
let child: ChildProcess;
let qemu: ProcessRecord;
let agents: Agents;
const runDirectory = () => join(directory, 's');

beforeEach(async () => {
  directory = await temporaryDirectory();
  const qemuDirectory = join(directory, 'qemu');
  mkdirSync(qemuDirectory);
  // Waits for a line that never comes.
  child = spawn('sh', ['-c', 'read line', 'qemu', '-uuid', uuid], { stdio: 'pipe' });
  await new Promise((resolve) => child.once('spawn', resolve));
  writeFileSync(join(qemuDirectory, `${facts.name}.pid`), `${child.pid}\n`);
  await until('the shell has its words', () => findQemuProcess(qemuDirectory, facts).ok);
  const found = findQemuProcess(qemuDirectory, facts);
  if (!found.ok) throw new Error(found.message);
  qemu = found.value;
  agents = createAgents(directory, { qemuDirectory });
});

afterEach(async () => {
  closeAll();
  child.kill('SIGKILL');
  await tidy(directory);
});

async function orderToRun(answer?: Buffer) {
  const path = await openPath(agents, answer);
  const libvirtd = await prepareOn(path);
  const reached = path.reached().length;
  libvirtd.write(finishCall());
  await until('the order reached the target', () => path.reached().length > reached);
  return { libvirtd, path };
}

async function killSourceMover() {
  const [mover] = await listMovers(runDirectory());
  if (mover === undefined) throw new Error('there is no mover');
  process.kill(mover.pid, 'SIGKILL');
  await until('the mover is gone', async () => (await listMovers(runDirectory())).length === 0);
}

test('it stands still before the order reaches the target, and stays so when everything between is killed', async () => {
  const way = departureWay(runDirectory());
  const { libvirtd } = await orderToRun();
  expect(lookAtProcess(qemu)).toBe('stopped');
  // As it should be: the answer may come.
  expect(await way.isHeld(uuid)).toBe(false);

  await killSourceMover();
  await closed(libvirtd);
  expect(lookAtProcess(qemu)).toBe('stopped');
  expect(await way.isHeld(uuid)).toBe(true);
  expect(await way.isHeld('00000000-1111-4222-8333-444444444444')).toBe(false);

  // Another agent, later: the target never ran it. Nobody waited for the answer any more.
  expect(await departureWay(runDirectory()).close(uuid)).toBe(false);
  await until('it goes on', () => lookAtProcess(qemu) === 'going');
  expect(await way.isHeld(uuid)).toBe(false);
  expect(readdirSync(join(runDirectory(), 'departures'))).toEqual([]);
});

test('it goes on as soon as libvirtd has the answer, whatever that is', async () => {
  const { path } = await orderToRun(frame({ procedure: 306, type: 1 }));
  await until('it goes on', () => lookAtProcess(qemu) === 'going');
  expect(existsSync(standstillMark(runDirectory(), order.settlement))).toBe(false);
  await path.path.close();
});

test('it stays so while the way is broken, and goes on when the agent ends the wait', async () => {
  const way = departureWay(runDirectory());
  const { libvirtd } = await orderToRun();
  await closeMover(join(directory, 't'), order.settlement, 'target');
  await until('the source knows that the answer is lost', () => way.isHeld(uuid));
  expect(lookAtProcess(qemu)).toBe('stopped');
  expect(await way.close(uuid)).toBe(true);
  await closed(libvirtd);
  await until('it goes on', () => lookAtProcess(qemu) === 'going');
});

test('it is killed where it stands when the target has run the domain', async () => {
  const way = departureWay(runDirectory());
  await orderToRun();
  await killSourceMover();
  expect(await way.kill('00000000-1111-4222-8333-444444444444')).toBe(false);
  expect(await way.kill(uuid)).toBe(true);
  await until('it has ended', () => lookAtProcess(qemu) === 'gone');
  expect(await way.isHeld(uuid)).toBe(false);
  expect(await way.kill(uuid)).toBe(false);
});

test('an order does not pass when QEMU has ended, and another process of its number is left alone', async () => {
  const mark = standstillMark(runDirectory(), order.settlement);
  const another = { pid: qemu.pid, startTicks: qemu.startTicks + 1 };
  expect(() => beginStandstill({ domain: uuid, qemu: another, mark })).toThrow('has ended');
  expect(lookAtProcess(qemu)).toBe('going');
});

test('it stands still when the order may pass, and goes on however soon the answer comes', async () => {
  const mark = standstillMark(runDirectory(), order.settlement);
  for (let time = 0; time < 200; time++) {
    beginStandstill({ domain: uuid, qemu, mark });
    expect(lookAtProcess(qemu)).toBe('stopped');
    endStandstill(mark);
    // The signal that stops it is on its way still when the one that lets it go on is sent.
    beginStandstill({ domain: uuid, qemu, mark });
    process.kill(qemu.pid, 'SIGCONT');
    process.kill(qemu.pid, 'SIGSTOP');
    endStandstill(mark);
  }
  await until('it goes on', () => lookAtProcess(qemu) === 'going');
  await new Promise((resolve) => setImmediate(resolve));
  expect(lookAtProcess(qemu)).toBe('going');
});

test('nothing is asked of the target when libvirt’s file names no QEMU of the domain', async () => {
  writeFileSync(join(directory, 'qemu', `${facts.name}.pid`), `${process.pid}\n`);
  expect(await agents.path.open(order, facts)).toMatchObject({ ok: false, code: 'qemu-not-found' });
  expect(agents.wire.asked).toEqual([]);
});

test('nothing is asked of the target when QEMU is another user’s, and this agent may send it no signals', async () => {
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  });
  const opened = await agents.path.open(order, facts).finally(() => kill.mockRestore());
  expect(opened).toMatchObject({ ok: false, code: 'qemu-not-ours' });
  expect(agents.wire.asked).toEqual([]);
});
