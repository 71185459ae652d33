/** An open path with a libvirtd of the test's behind it, and the connections that a migration makes on it. */

import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { openCall, prepareCall } from './calls.ts';
import { type Agents, facts, listen, order, until } from './harness.ts';

/** What the current test has opened; `closeAll` ends it. */
const closers: (() => void)[] = [];

export function atEnd(close: () => void): void {
  closers.push(close);
}

export function closeAll(): void {
  for (const close of closers.splice(0)) close();
}

export type Path = Awaited<ReturnType<typeof openPath>>;

/** A libvirtd that collects what reaches it and answers everything with the same. */
export async function startLibvirtd(
  path: string,
  answer: string | Buffer = 'pong',
): Promise<() => Buffer> {
  const reached: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = await listen(path, (socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => {
      reached.push(chunk);
      socket.write(answer);
    });
    socket.on('end', () => socket.end());
  });
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return () => Buffer.concat(reached);
}

export async function openPath(agents: Agents, answer?: string | Buffer) {
  const reached = await startLibvirtd(agents.libvirtSocketPath, answer);
  const opened = await agents.path.open(order, facts);
  if (!opened.ok) throw new Error(`${opened.code}: ${opened.message}`);
  const libvirt = decodeURIComponent(opened.value.destinationUri.split('socket=')[1] ?? '');
  const memory = (opened.value.migrateUri ?? '').replace('unix://', '');
  return { reached, libvirt, memory, path: opened.value };
}

export function dial(path: string, allowHalfOpen = false): Socket {
  const socket = connect({ path, allowHalfOpen });
  socket.on('error', () => {});
  atEnd(() => socket.destroy());
  return socket;
}

/** Resolves when the connection is over, with an error or without. */
export function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** A libvirt connection on which the domain has been prepared: the memory channel is open now. */
export async function prepareOn(
  path: Pick<Path, 'reached' | 'libvirt' | 'memory'>,
): Promise<Socket> {
  const libvirt = dial(path.libvirt);
  libvirt.write(Buffer.concat([openCall(), prepareCall(path.memory)]));
  await until('libvirtd saw the prepare', () => path.reached().length > openCall().length);
  libvirt.resume();
  return libvirt;
}

export async function logText(agents: Agents): Promise<string> {
  return readFile(agents.logFile, 'utf8').catch(() => '');
}
