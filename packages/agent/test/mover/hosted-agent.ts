/**
 * An agent's migration path inside one host's namespaces, steered by the test over Node's IPC channel:
 * `ask` and `answer` are the peer network, `open`, `close` and `left` are the test's orders.
 */

import { chmod, mkdir } from 'node:fs/promises';
import { argv } from 'node:process';
import type { HostId, MigrationOrder } from '@barter/core';
import type { MigrationFacts, OpenPath } from '../../src/migration-path.ts';
import { serveArrivals } from '../../src/mover/arrivals.ts';
import { listMovers } from '../../src/mover/control.ts';
import { readQemuOwner } from '../../src/mover/qemu-owner.ts';
import { defaultMoverCommand } from '../../src/mover/start-mover.ts';
import { TunnelPath } from '../../src/mover/tunnel-path.ts';
import type { Json, RequestHandler } from '../../src/network/peer-network.ts';
import { type Result, success } from '../../src/result.ts';

export type ToAgent =
  | Readonly<{ kind: 'ask'; id: number; from: string; name: string; body: Json }>
  | Readonly<{ kind: 'answer'; id: number; result: Result<Json> }>
  | Readonly<{ kind: 'open'; order: MigrationOrder; facts: MigrationFacts }>
  | Readonly<{ kind: 'close' }>
  | Readonly<{ kind: 'left' }>;

export type FromAgent =
  | Readonly<{ kind: 'ready' }>
  | Readonly<{ kind: 'ask'; id: number; name: string; body: Json }>
  | Readonly<{ kind: 'answer'; id: number; result: Result<Json> }>
  | Readonly<{ kind: 'opened'; result: Result<Omit<OpenPath, 'close'>> }>
  | Readonly<{ kind: 'closed' }>
  | Readonly<{ kind: 'left'; movers: number }>;

const logFile = argv[2] ?? '';
const handlers = new Map<string, RequestHandler>();
const waiting = new Map<number, (result: Result<Json>) => void>();
let asked = 0;

const network = {
  request: (_to: HostId, name: string, body: Json) =>
    new Promise<Result<Json>>((resolve) => {
      asked += 1;
      waiting.set(asked, resolve);
      say({ kind: 'ask', id: asked, name, body });
    }),
  remoteAddress: () => '127.0.0.1',
  onRequest: (name: string, handler: RequestHandler) => void handlers.set(name, handler),
};

// As strict as the daemon's unit sets it.
process.umask(0o077);
const runDirectory = '/run/barter/migrate';
await mkdir('/run/barter', { mode: 0o751 });
await chmod('/run/barter', 0o751);
const common = {
  command: defaultMoverCommand(),
  runDirectory,
  logFile,
  owner: await readQemuOwner(),
  network,
};
const path = new TunnelPath({ ...common, lingerMs: 300, qemuDirectory: '/run/libvirt/qemu' });
serveArrivals({
  ...common,
  lingerMs: 300,
  log: { log: () => {} },
  clock: { nowMs: () => Date.now() },
  leaseFor: () => ({ expiresAtMs: Date.now() + 60_000, memoryBytes: 256 * 1024 * 1024 }),
  checkArrival: async () => success(null),
  libvirtSocketPath: '/run/libvirt/libvirt-sock',
});

let opened: Result<OpenPath> | undefined;

process.on('message', async (message: ToAgent) => {
  switch (message.kind) {
    case 'ask': {
      const handler = handlers.get(message.name);
      if (handler === undefined) throw new Error(`nobody handles ${message.name}`);
      const result = await handler(message.from as HostId, message.body);
      say({ kind: 'answer', id: message.id, result });
      break;
    }
    case 'answer':
      waiting.get(message.id)?.(message.result);
      break;
    case 'open': {
      opened = await path.open(message.order, message.facts);
      if (!opened.ok) return say({ kind: 'opened', result: opened });
      const { close: _close, ...uris } = opened.value;
      say({ kind: 'opened', result: success(uris) });
      break;
    }
    case 'close':
      if (opened?.ok) await opened.value.close();
      say({ kind: 'closed' });
      break;
    case 'left':
      say({ kind: 'left', movers: (await listMovers(runDirectory)).length });
      break;
  }
});

say({ kind: 'ready' });

function say(message: FromAgent): void {
  process.send?.(message);
}
