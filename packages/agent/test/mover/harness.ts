/**
 * Two agents on loopback for the mover's tests: real mover processes, real TLS, real Unix sockets in a
 * directory of the test's own; libvirtd and QEMU are sockets of the test, the peer network is a call.
 */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostId, Log, MigrationOrder } from '@barter/core';
import { type ArrivalLease, type ArrivalOptions, serveArrivals } from '../../src/mover/arrivals.ts';
import { channelPaths, settlementDirectory } from '../../src/mover/channel.ts';
import { closeMover, listMovers } from '../../src/mover/control.ts';
import { defaultMoverCommand } from '../../src/mover/start-mover.ts';
import { type TunnelOptions, TunnelPath } from '../../src/mover/tunnel-path.ts';
import type { Json, PeerNetwork, RequestHandler } from '../../src/network/peer-network.ts';
import { failure, type Result, success } from '../../src/result.ts';
import { domainXml, gibibyte, uuid } from './calls.ts';

export const sourceHost = 'source' as HostId;
export const targetHost = 'target' as HostId;

export const order: MigrationOrder = {
  settlement: 'settlement-1' as MigrationOrder['settlement'],
  domain: uuid as MigrationOrder['domain'],
  target: targetHost,
  leaseMs: 60_000,
};

export const facts = { name: 'web1', uuid, memoryBytes: gibibyte, vcpus: 1, xml: domainXml() };

/** A peer network of one wire: what `from` asks is answered by the handlers of the other side. */
export class Wire implements Pick<PeerNetwork, 'request' | 'remoteAddress' | 'onRequest'> {
  readonly handlers = new Map<string, RequestHandler>();
  readonly asked: { name: string; body: Json }[] = [];
  from: HostId = sourceHost;
  /** Stands between the agents: what it returns is what arrives. */
  rewrite: (name: string, body: Json) => Json = (_name, body) => body;

  async request(to: HostId, name: string, body: Json): Promise<Result<Json>> {
    if (to !== targetHost) return failure('unreachable', `${to} is not connected.`);
    this.asked.push({ name, body });
    const handler = this.handlers.get(name);
    if (handler === undefined) return failure('unknown-request', name);
    return handler(this.from, structuredClone(this.rewrite(name, body)) as Json);
  }

  remoteAddress(): string {
    return '127.0.0.1';
  }

  onRequest(name: string, handler: RequestHandler): void {
    this.handlers.set(name, handler);
  }
}

export type Agents = Readonly<{
  directory: string;
  wire: Wire;
  path: TunnelPath;
  lease: { current: ArrivalLease | undefined };
  libvirtSocketPath: string;
  /** Where the arriving QEMU listens (its directory exists while a target mover runs). */
  qemuPaths: ReturnType<typeof channelPaths>;
  logFile: string;
  logged: string[];
}>;

type Overrides = Partial<
  Pick<ArrivalOptions, 'idleMs' | 'lingerMs' | 'checkArrival' | 'moversMax'> &
    Pick<TunnelOptions, 'qemuDirectory'>
>;

export function createAgents(directory: string, overrides: Overrides = {}): Agents {
  const wire = new Wire();
  const logged: string[] = [];
  const log: Log = { log: (_level, code, message) => logged.push(`${code}: ${message}`) };
  const lease: Agents['lease'] = {
    current: { expiresAtMs: Date.now() + 60_000, memoryBytes: 2 * gibibyte },
  };
  const logFile = join(directory, 'mover.log');
  const sourceRunDirectory = join(directory, 's');
  const runDirectory = join(directory, 't');
  const common = {
    command: defaultMoverCommand(),
    logFile,
    owner: null,
    lingerMs: 200,
    ...overrides,
  };
  const libvirtSocketPath = join(directory, 'libvirt.sock');
  serveArrivals({
    ...common,
    runDirectory,
    sourceRunDirectory,
    network: wire,
    log,
    clock: { nowMs: () => Date.now() },
    leaseFor: (settlement, domain, from) =>
      settlement === order.settlement && domain === uuid && from === sourceHost
        ? lease.current
        : undefined,
    checkArrival: overrides.checkArrival ?? (async () => success(null)),
    libvirtSocketPath,
    listenAddress: '127.0.0.1',
  });
  const path = new TunnelPath({
    ...common,
    runDirectory: sourceRunDirectory,
    network: wire,
    qemuDirectory: overrides.qemuDirectory ?? null,
  });
  const qemuPaths = channelPaths(settlementDirectory(runDirectory, order.settlement));
  return { directory, wire, path, lease, libvirtSocketPath, qemuPaths, logFile, logged };
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'barter-mover-'));
}

/** Ends every mover that is left and takes the directory away. */
export async function tidy(directory: string): Promise<void> {
  for (const side of ['s', 't']) {
    for (const mover of await listMovers(join(directory, side)))
      await closeMover(join(directory, side), mover.settlement, mover.role);
  }
  await rm(directory, { recursive: true, force: true });
}

/** Movers that still answer, on both sides. */
export async function moversLeft(directory: string): Promise<number> {
  const lists = await Promise.all(['s', 't'].map((side) => listMovers(join(directory, side))));
  return lists.flat().length;
}

/** Files and directories of both run directories, apart from the empty directories that stay. */
export async function filesLeft(directory: string): Promise<readonly string[]> {
  const lists = await Promise.all(
    ['s', 't'].map(async (side) => {
      const names = await readdir(join(directory, side), { recursive: true }).catch(() => []);
      return names
        .filter((name) => name !== 'control' && !name.startsWith('arrivals'))
        .map((name) => `${side}/${name}`);
    }),
  );
  return lists.flat();
}

/** Waits for a condition, not for a time; fails after `deadlineMs` with `what`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function listen(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  return server;
}

/** Everything that arrives until the other side ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
