/**
 * Two honest agents with VMs that talk to each other, each a process of its own, and the key of a third member
 * that keeps no rules. What an attack costs is read from the victim's own process, by the kernel's count.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '@barter/agent/control/client.ts';
import { parseCluster, World, WorldServer } from '@barter/sim';
import type { Multiaddr } from '@multiformats/multiaddr';
import { multiaddr } from '@multiformats/multiaddr';
import { initCluster, joinCluster } from '../../packages/agent/src/network/join.ts';
import { readTicket } from '../../packages/agent/src/network/ticket.ts';

const barter = fileURLToPath(new URL('../../packages/cli/bin/barter.mjs', import.meta.url));
/** As in deploy/barter.service. */
const nodeFlags = ['--max-semi-space-size=1', '--max-old-space-size=128'];
const ticksPerSecond = 100;
const upWithinMs = 60_000;

export type Logged = Readonly<{ code: string; message: string; peer?: string }>;

export type Victim = Readonly<{
  client: ControlClient;
  address: Multiaddr;
  /** The member gone wrong: its key is in this file. */
  keyFile: string;
  bad: string;
  /** The domains at home at the victim. */
  domains: readonly string[];
  cluster: string;
  /** Everything of all hosts is below it. */
  directory: string;
  /** The ticket that the bad member joined with, used up; and one that is still open. */
  tickets: readonly string[];
  pid: number;
  /** The honest other one. */
  second: Readonly<{
    config: string;
    client: ControlClient;
    stop(): Promise<void>;
    start(): Promise<void>;
  }>;
  /** Processor time that the victim has used so far. */
  cpuMs(): number;
  residentBytes(): number;
  logged(): readonly Logged[];
  close(): Promise<void>;
}>;

export async function startVictim(
  domainsPerHost = 60,
  level: 'debug' | 'info' = 'info',
  isTrading = false,
): Promise<Victim> {
  const directory = mkdtempSync(join(tmpdir(), 'barter-hostile-'));
  const children: ChildProcess[] = [];
  const server = await serveWorld(directory, domainsPerHost, isTrading);
  const close = async () => {
    await Promise.all(children.map(ended));
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const first = configure(directory, 'h1', server, level, isTrading);
    const founded = await initCluster({ ...membership(first), name: 'h1', clusterName: 'hostile' });
    if (!founded.ok) throw new Error(founded.message);
    children.push(start(first));
    const client = new ControlClient({ socketPath: first.control });
    await up(client, children);
    const ticket = await invite(client);
    const second = configure(directory, 'h2', server, level, isTrading);
    await enlist(await invite(client), second, 'h2');
    const secondClient = new ControlClient({ socketPath: second.control });
    const startSecond = async () => {
      children[1] = start(second);
      await up(secondClient, children);
    };
    await startSecond();
    const third = { ...second, key: join(directory, 'bad.key'), state: join(directory, 'bad') };
    const bad = await enlist(ticket, third, 'h3');
    const read = readTicket(ticket);
    const address = read.ok ? read.value.addresses[0] : undefined;
    if (address === undefined || !read.ok) throw new Error('the victim listens nowhere');
    const pid = children[0]?.pid ?? 0;
    return {
      client,
      address: multiaddr(`${address}/p2p/${founded.value.host}`),
      keyFile: third.key,
      bad,
      cluster: founded.value.cluster,
      directory,
      second: {
        config: second.config,
        client: secondClient,
        stop: async () => {
          if (children[1] !== undefined) await ended(children[1]);
        },
        start: startSecond,
      },
      tickets: [ticket, await invite(client)],
      pid,
      domains: Array.from({ length: domainsPerHost }, (_, index) => `h1-vm${index}`),
      cpuMs: () => cpuMsOf(pid),
      residentBytes: () => residentBytesOf(pid),
      logged: () => logOf(first.log),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Files = Readonly<{ config: string; control: string; log: string; key: string; state: string }>;

function configure(
  directory: string,
  name: string,
  server: WorldServer,
  level: string,
  isTrading: boolean,
): Files {
  const state = join(directory, name);
  mkdirSync(state, { mode: 0o700 });
  const files = {
    config: join(state, 'barter.yaml'),
    control: join(state, 'control.sock'),
    log: join(state, 'log'),
    key: join(state, 'host.key'),
    state,
  };
  const config = {
    name,
    cluster: { name: 'hostile', keyFile: files.key },
    listen: ['/ip4/127.0.0.1/tcp/0'],
    mode: 'auto',
    stateDirectory: state,
    hypervisor: { kind: 'simulated', socket: server.socketOf(name) },
    probe: { intervalSeconds: 1, smoothingSeconds: 2 },
    // Nothing is to change by itself while the cost of an attack is measured.
    trading: isTrading
      ? { everySeconds: 5, minGain: '1Mbit' }
      : { everySeconds: 60, minGain: '900Gbit' },
    control: { socket: files.control },
    http: { listen: 'off' },
    log: { level },
  };
  writeFileSync(files.config, JSON.stringify(config), { mode: 0o600 });
  return files;
}

/** Where there is something to trade, both honest hosts have more to do than they can, and nobody talks to anybody. */
async function serveWorld(
  directory: string,
  domainsPerHost: number,
  isTrading: boolean,
): Promise<WorldServer> {
  const hosts = ['h1', 'h2', 'h3'];
  const cluster = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: hosts.map((id) => ({ id, memoryBytes: 2 ** 38, vcpus: 64, nicBitsPerSecond: 1e10 })),
    domains: hosts.flatMap((host) =>
      Array.from({ length: domainsPerHost }, (_, index) => ({
        id: `${host}-vm${index}`,
        host,
        memoryBytes: 2 ** 31,
        vcpus: 1,
        cpu: isTrading ? 60 / domainsPerHost : 0,
      })),
    ),
    traffic: Array.from({ length: isTrading ? 0 : domainsPerHost }, (_, index) => ({
      a: `h1-vm${index}`,
      b: `h2-vm${(index * 7) % domainsPerHost}`,
      bitsPerSecond: 1e6 * (1 + index),
    })),
  });
  if (!cluster.ok) throw new Error(cluster.message);
  const server = new WorldServer(new World(cluster.value), { directory });
  await server.listen();
  return server;
}

function membership(files: Files) {
  return { keyFile: files.key, stateDirectory: files.state, clock: { nowMs: () => Date.now() } };
}

async function enlist(ticket: string, files: Files, name: string): Promise<string> {
  const joined = await joinCluster(ticket, { ...membership(files), name });
  if (!joined.ok) throw new Error(joined.message);
  return joined.value.host;
}

async function invite(client: ControlClient): Promise<string> {
  const invited = await client.command('invite', { expiresInSeconds: 60 });
  if (!invited.ok) throw new Error(invited.message);
  return invited.value.ticket;
}

function start(files: Files): ChildProcess {
  const log = openSync(files.log, 'a', 0o600);
  const child = spawn(process.execPath, [...nodeFlags, barter, 'agent', '--config', files.config], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return child;
}

async function up(client: ControlClient, children: readonly ChildProcess[]): Promise<void> {
  const endsAtMs = performance.now() + upWithinMs;
  let last = '';
  while (performance.now() < endsAtMs) {
    if (children.some(({ exitCode }) => exitCode !== null)) throw new Error('an agent ended');
    const status = await client.view('status');
    if (status.ok && status.value.problems.length === 0) return;
    last = JSON.stringify(status).slice(0, 300);
    await pause(50);
  }
  throw new Error(`an agent did not come up in time: ${last}`);
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

function residentBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

function logOf(file: string): readonly Logged[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Logged];
      } catch {
        return [];
      }
    });
}
