/**
 * What an idle agent costs: five bundled agents of one cluster (four peers each, real libp2p over loopback,
 * SQLite journals, default intervals) on simulated hosts whose VMs have nothing to say to each other.
 *
 *   npm run bench:idle [-- --seconds N]
 *
 * Prints resident memory (RSS, and the anonymous part that no other process shares) and CPU per agent.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ControlClient } from '@barter/agent/control/client.ts';
import { parseCluster, World, WorldServer } from '@barter/sim';

const root = fileURLToPath(new URL('../..', import.meta.url));
const hostCount = 5;
/** As in deploy/barter.service. */
const nodeFlags = ['--max-semi-space-size=1', '--max-old-space-size=128'];
const settleSeconds = 60;
const ticksPerSecond = 100;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);
const directory = mkdtempSync(join(tmpdir(), 'barter-idle-'));
const children: ChildProcess[] = [];

try {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), directory], { stdio: 'ignore' });
  await run(join(directory, 'barter.mjs'));
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  rmSync(directory, { recursive: true, force: true });
}

async function run(bundle: string): Promise<void> {
  const hosts = Array.from({ length: hostCount }, (_, index) => `h${index + 1}`);
  const cluster = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: hosts.map((id) => ({
      id,
      memoryBytes: 2 ** 36,
      vcpus: 16,
      nicBitsPerSecond: 1e10,
      location: [],
    })),
    domains: hosts.flatMap((host) =>
      Array.from({ length: 16 }, (_, index) => ({
        id: `${host}-vm${index}`,
        host,
        memoryBytes: 2 ** 31,
        vcpus: 1,
      })),
    ),
    traffic: [],
  });
  if (!cluster.ok) throw new Error(cluster.message);
  const server = new WorldServer(new World(cluster.value), { directory });
  await server.listen();
  const barter = (config: string, ...words: string[]) =>
    execFileSync(process.execPath, [bundle, '--config', config, ...words], { encoding: 'utf8' });
  const controls: ControlClient[] = [];
  for (const host of hosts) {
    const { config, control } = configure(host, server.socketOf(host));
    const [first] = controls;
    if (first === undefined) barter(config, 'init');
    else {
      const invited = await first.command('invite', { expiresInSeconds: 60 });
      if (!invited.ok) throw new Error(invited.message);
      barter(config, 'join', invited.value.ticket);
    }
    children.push(
      spawn(process.execPath, [...nodeFlags, bundle, 'agent', '--config', config], {
        stdio: 'ignore',
      }),
    );
    const client = new ControlClient({ socketPath: control });
    controls.push(client);
    while (!(await client.view('status')).ok) await pause(100);
  }
  await pause(settleSeconds * 1000);
  const before = children.map(cpuTicks);
  await pause(seconds * 1000);
  const rows = await Promise.all(
    children.map(async (child, index) => {
      const status = await controls[index]?.view('status');
      return {
        connected: status?.ok ? status.value.peers.connected : 0,
        'RSS MB': megabytes(child, 'VmRSS'),
        'anonymous MB': megabytes(child, 'RssAnon'),
        'CPU % of a core':
          Math.round((1000 * (cpuTicks(child) - (before[index] ?? 0))) / ticksPerSecond / seconds) /
          10,
      };
    }),
  );
  console.table(rows);
  await server.close();
}

function configure(host: string, socket: string): { config: string; control: string } {
  const state = join(directory, host);
  mkdirSync(state, { mode: 0o700 });
  const config = join(state, 'barter.yaml');
  const control = join(state, 'control.sock');
  writeFileSync(
    config,
    JSON.stringify({
      name: host,
      cluster: { name: 'idle', keyFile: join(state, 'host.key') },
      listen: ['/ip4/127.0.0.1/tcp/0'],
      mode: 'auto',
      stateDirectory: state,
      hypervisor: { kind: 'simulated', socket },
      control: { socket: control },
      http: { listen: 'off' },
    }),
  );
  return { config, control };
}

function megabytes(child: ChildProcess, field: string): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1000);
}

/** User and system time of the process, in clock ticks (proc(5), fields 14 and 15 of stat). */
function cpuTicks(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
