/** Hosts of a test cluster: each with its own folder, key and state, listening on 127.0.0.1. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostId, LoadSummary, Log, LogLevel } from '@barter/core';
import { initCluster, joinCluster, type Membership } from '../../src/network/join.ts';
import { type Libp2pNetwork, openLibp2pNetwork } from '../../src/network/libp2p-network.ts';
import type { Result } from '../../src/result.ts';

export type Logged = Readonly<{ level: LogLevel; code: string; message: string }>;

export type Host = Readonly<{
  name: string;
  folder: string;
  keyFile: string;
  logged: Logged[];
  init(): Promise<Membership>;
  invite(expiresInMs?: number): Promise<string>;
  join(ticket: string): Promise<Result<Membership>>;
  open(
    options?: Readonly<{ listen?: string; bootstrap?: readonly string[] }>,
  ): Promise<Libp2pNetwork>;
  tryOpen(): Promise<Result<Libp2pNetwork>>;
  network(): Libp2pNetwork;
  close(): Promise<void>;
}>;

export type TestClock = { nowMs(): number; advanceMs: number };

/** Makes hosts and takes everything away again. */
export class Hosts {
  readonly #hosts: Host[] = [];
  readonly clock: TestClock = {
    advanceMs: 0,
    nowMs() {
      return Date.now() + this.advanceMs;
    },
  };

  async make(name: string): Promise<Host> {
    const folder = await mkdtemp(join(tmpdir(), `barter-network-${name}-`));
    const logged: Logged[] = [];
    const log: Log = { log: (level, code, message) => logged.push({ level, code, message }) };
    const { clock } = this;
    const paths = { keyFile: join(folder, 'host.key'), stateDirectory: join(folder, 'state') };
    let network: Libp2pNetwork | undefined;
    const tryOpen: (
      listen?: string,
      bootstrap?: readonly string[],
    ) => Promise<Result<Libp2pNetwork>> = async (
      listen = '/ip4/127.0.0.1/tcp/0',
      bootstrap = [],
    ) => {
      const opened = await openLibp2pNetwork({
        ...paths,
        name,
        listen: [listen],
        bootstrap,
        log,
        clock,
      });
      if (opened.ok) network = opened.value;
      return opened;
    };
    const host: Host = {
      name,
      folder,
      keyFile: paths.keyFile,
      logged,
      init: async () => must(await initCluster({ ...paths, name, clock, clusterName: 'test' })),
      invite: async (expiresInMs = 60_000) =>
        must(await host.network().invite({ expiresInMs })).ticket,
      join: (ticket) => joinCluster(ticket, { ...paths, name, clock }),
      open: async ({ listen, bootstrap } = {}) => must(await tryOpen(listen, bootstrap)),
      tryOpen: () => tryOpen(),
      network: () => {
        if (network === undefined) throw new Error(`${name} is not open`);
        return network;
      },
      close: async () => {
        await network?.close();
        network = undefined;
      },
    };
    this.#hosts.push(host);
    return host;
  }

  /** A founded cluster of running, fully connected hosts. */
  async cluster(...names: string[]): Promise<Host[]> {
    const hosts = await Promise.all(names.map((name) => this.make(name)));
    const [first, ...others] = hosts as [Host, ...Host[]];
    await first.init();
    await first.open();
    for (const other of others) {
      must(await other.join(await first.invite()));
      await other.open();
    }
    await until(() => hosts.every((host) => isFullyConnected(host, hosts.length)), 'full mesh');
    return hosts;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
    await Promise.all(this.#hosts.map(({ folder }) => rm(folder, { recursive: true })));
  }
}

export function isFullyConnected(host: Host, size: number): boolean {
  const peers = host.network().peers();
  return peers.length === size - 1 && peers.every((peer) => peer.connected);
}

/** The value of a result that has to be a success. */
export function must<Value>(result: Result<Value>): Value {
  if (result.ok) return result.value;
  throw new Error(`${result.code}: ${result.message}`);
}

/** Waits for a condition; fails with what was awaited when it does not come true in time. */
export async function until(
  condition: () => boolean,
  what: string,
  deadlineMs = 15_000,
): Promise<void> {
  const endsAtMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endsAtMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function summaryOf(host: HostId, sequence: number): LoadSummary {
  return {
    host,
    name: 'a host',
    sequence,
    location: ['pod0', 'rack1'],
    mode: 'auto',
    stopped: false,
    capacity: {
      memoryBytes: 34359738368,
      vcpus: 16,
      nicBitsPerSecond: 1e10,
      memoryLimitBytes: 30e9,
      vcpuLimit: 64,
      memoryTransientBytes: 34e9,
    },
    load: { memoryBytes: 1e9, vcpus: 4, cpu: 1.5, nicBitsPerSecond: 12345.5 },
    measured: true,
    domains: 0,
    revision: 0,
    tradedMsAgo: 0,
  };
}
