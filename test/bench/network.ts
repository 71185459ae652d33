/**
 * Measures the peer network on loopback: `node test/bench/network.ts`. Five members, one process each; one
 * of them asks another, first one request at a time, then twenty at once; then all only tell their load for a while.
 * Prints round trips, and memory and CPU of a member with four peers. Roughly: ±15 %.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initCluster, joinCluster } from '@barter/agent/network/join.ts';
import { type Libp2pNetwork, openLibp2pNetwork } from '@barter/agent/network/libp2p-network.ts';
import type { Result } from '@barter/agent/result.ts';
import type { HostId, LoadSummary } from '@barter/core';

const members = 5;
const idleSeconds = 20;

function must<Value>(result: Result<Value>): Value {
  if (result.ok) return result.value;
  throw new Error(result.message);
}

async function open(folder: string, ticket?: string): Promise<Libp2pNetwork> {
  const options = {
    keyFile: join(folder, 'host.key'),
    stateDirectory: join(folder, 'state'),
    name: folder,
    clock: { nowMs: () => Date.now() },
  };
  if (ticket === undefined) must(await initCluster({ ...options, clusterName: 'bench' }));
  else must(await joinCluster(ticket, options));
  const network = must(
    await openLibp2pNetwork({
      ...options,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [],
      log: { log: (level, code, message) => level === 'debug' || console.error(code, message) },
    }),
  );
  network.onRequest('echo', async (_, body) => ({ ok: true, value: body }));
  let sequence = 0;
  setInterval(() => {
    sequence += 1;
    const summary = summaryOf(network.self, sequence);
    for (const { host } of network.peers())
      network.send(host, { kind: 'summary', summary, answer: false });
  }, 2000);
  return network;
}

/** About 1 kB, as a host with a handful of domains says it. */
function summaryOf(host: HostId, sequence: number): LoadSummary {
  return {
    host,
    name: 'kvm1',
    sequence,
    location: ['pod1', 'rack1'],
    mode: 'auto',
    stopped: false,
    capacity: {
      memoryBytes: 64e9,
      vcpus: 32,
      nicBitsPerSecond: 1e10,
      memoryLimitBytes: 57e9,
      vcpuLimit: 128,
      memoryTransientBytes: 64e9,
    },
    load: { memoryBytes: 1e9, vcpus: 4, cpu: 1.25, nicBitsPerSecond: 5e7 },
    measured: true,
    domains: 8,
    revision: sequence,
    tradedMsAgo: 0,
  };
}

function percentile(sorted: readonly number[], share: number): string {
  const value = sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return `${Math.round(value * 1000)} µs`;
}

async function measure(
  network: Libp2pNetwork,
  to: HostId,
  atOnce: number,
  total: number,
): Promise<string> {
  const tookMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const beganAtMs = performance.now();
  const ask = async () => {
    while (tookMs.length < total) {
      const askedAtMs = performance.now();
      must(await network.request(to, 'echo', { domain: 'vm0' }, 5000));
      tookMs.push(performance.now() - askedAtMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  const perSecond = Math.round((tookMs.length / (performance.now() - beganAtMs)) * 1000);
  tookMs.sort((a, b) => a - b);
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpu = `${Math.round((user + system) / tookMs.length)} µs of CPU each`;
  return `p50 ${percentile(tookMs, 0.5)}, p99 ${percentile(tookMs, 0.99)}, ${perSecond}/s, ${cpu}`;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'barter-bench-network-'));
  const children: ChildProcess[] = [];
  try {
    const network = await open(join(folder, '0'));
    for (let index = 1; index < members; index += 1) {
      const { ticket } = must(await network.invite({ expiresInMs: 60_000 }));
      const child = fork(new URL(import.meta.url), ['member', join(folder, `${index}`), ticket]);
      children.push(child);
      await once(child, 'message');
    }
    const connected = () => network.peers().filter((peer) => peer.connected);
    while (connected().length < members - 1) await pause(20);
    const to = connected()[0]?.host as HostId;
    await measure(network, to, 1, 1500);
    console.log(`one at a time:  ${await measure(network, to, 1, 6000)}`);
    await pause(3000);
    await measure(network, to, 20, 4000);
    await pause(2000);
    console.log(`twenty at once: ${await measure(network, to, 20, 6000)}`);
    await pause(2000);
    const [child] = children;
    child?.send('rest');
    if (child !== undefined) console.log((await once(child, 'message'))[0]);
  } finally {
    for (const child of children) child.kill();
    await rm(folder, { recursive: true, force: true });
  }
  process.exit();
}

async function member(folder: string, ticket: string): Promise<void> {
  await open(folder, ticket);
  process.send?.('ready');
  await once(process, 'message');
  const before = process.cpuUsage();
  await pause(idleSeconds * 1000);
  const { user, system } = process.cpuUsage(before);
  const share = ((user + system) / (idleSeconds * 1e6)) * 100;
  const rssMiB = Math.round(process.memoryUsage().rss / 2 ** 20);
  process.send?.(
    `a member with ${members - 1} peers, from source: ${rssMiB} MiB, ${share.toFixed(1)} % of a core`,
  );
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

if (process.argv[2] === 'member') await member(process.argv[3] ?? '', process.argv[4] ?? '');
else await main();
