/**
 * A mover's control socket: one line in (`status`, `close`), one JSON line out. Only root reaches it,
 * because only root may enter its directory. A mover whose agent has died is found again through it.
 */

import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { HostId } from '@barter/core';
import { failure, type Result, success } from '../result.ts';
import { controlDirectory, controlPath, type Role } from './channel.ts';
import { type MoverStatus, moverStatus } from './job.ts';

const answerWaitMs = 2000;
const lineBytesMax = 4096;

/**
 * Serves the control socket of this mover. `status` is asked for, `close` is told to. Who tells it to
 * close is answered at once and hears the end of the connection when the mover has ended.
 */
export async function serveControl(
  path: string,
  handlers: Readonly<{ status: () => MoverStatus; close: () => void }>,
): Promise<Readonly<{ close(): void }>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let line = '';
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setTimeout(answerWaitMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      line += chunk.toString('latin1');
      if (line.length > 64) socket.destroy();
      if (!line.includes('\n')) return;
      const order = line.trim();
      line = '';
      const status = `${JSON.stringify(handlers.status())}\n`;
      if (order === 'status') socket.end(status);
      else if (order === 'close') socket.write(status, () => handlers.close());
      else socket.destroy();
    });
  });
  // A mover that was killed left its socket behind; one that answers keeps it.
  const present = await order(path, 'status');
  if (!present.ok && present.code === 'gone') await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Every mover of this host that answers, whichever agent started it. Takes away sockets nobody serves. */
export async function listMovers(runDirectory: string): Promise<readonly MoverStatus[]> {
  const directory = controlDirectory(runDirectory);
  const names = await readdir(directory).catch(() => []);
  const found: MoverStatus[] = [];
  for (const name of names.filter((each) => each.endsWith('.sock'))) {
    const answer = await order(join(directory, name), 'status');
    if (answer.ok) found.push(answer.value);
    else if (answer.code === 'gone') await removeLeftover(runDirectory, name);
  }
  return found;
}

/**
 * Ends the mover of a settlement, connections under way included, and waits until it has ended;
 * success as well when there is none.
 * `peer`: only when it serves that host. Errors: `not-yours`, `no-answer`.
 */
export async function closeMover(
  runDirectory: string,
  settlement: string,
  role: Role,
  peer?: HostId,
): Promise<Result<null>> {
  const path = controlPath(runDirectory, settlement, role);
  if (peer !== undefined) {
    const status = await order(path, 'status');
    if (!status.ok) return status.code === 'gone' ? success(null) : status;
    if (status.value.peer !== peer)
      return failure('not-yours', `The mover of settlement ${settlement} serves another host.`);
  }
  const answer = await order(path, 'close');
  return answer.ok || answer.code === 'gone' ? success(null) : answer;
}

/** The mover of a settlement, or undefined when none answers. */
export async function findMover(
  runDirectory: string,
  settlement: string,
  role: Role,
): Promise<MoverStatus | undefined> {
  const answer = await order(controlPath(runDirectory, settlement, role), 'status');
  return answer.ok ? answer.value : undefined;
}

/** Makes the directories that movers need. Their modes are set apart: a daemon's umask would narrow them. */
export async function prepareControlDirectory(runDirectory: string): Promise<void> {
  await mkdir(controlDirectory(runDirectory), { recursive: true, mode: 0o700 });
  await chmod(controlDirectory(runDirectory), 0o700);
  // QEMU's user passes through here on its way to a settlement's directory, and lists nothing.
  await chmod(runDirectory, 0o711);
}

async function removeLeftover(runDirectory: string, socketName: string): Promise<void> {
  const key = socketName.replace(/-(source|target)\.sock$/, '');
  await rm(join(controlDirectory(runDirectory), socketName), { force: true });
  await rm(join(runDirectory, key), { recursive: true, force: true });
}

/** Errors: `gone` (nobody listens), `no-answer`. */
function order(path: string, line: 'status' | 'close'): Promise<Result<MoverStatus>> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    const noAnswer = () =>
      resolve(
        failure('no-answer', `The mover behind ${path} does not answer; end its process by hand.`),
      );
    socket.setTimeout(answerWaitMs, () => {
      socket.destroy();
      noAnswer();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
        resolve(failure('gone', `No mover listens on ${path}.`));
      else noAnswer();
    });
    socket.on('connect', () => socket.write(`${line}\n`));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.length > lineBytesMax) socket.destroy();
    });
    socket.on('close', () => {
      const status = readStatus(text);
      if (status === undefined) noAnswer();
      else resolve(success(status));
    });
  });
}

function readStatus(text: string): MoverStatus | undefined {
  try {
    return moverStatus.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
