/**
 * One host: mount and UTS namespaces of its own inside its network namespace, with private /run,
 * /etc/libvirt, /var/lib/libvirt, /var/log, /var/cache, /etc/barter and /var/lib/barter, and there a
 * libvirtd and a virtlogd. Programs in it use the same default paths on every host.
 */

import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { isAlive, LabError, mustRun, startDetached, until } from './process.ts';
import { cacheDirectory } from './requirements.ts';
import type { HostState } from './state.ts';

/** What is private to a host, and where it lies under the host's directory as the machine sees it. */
export const privateMounts = {
  '/run': 'run',
  '/etc/libvirt': 'etc-libvirt',
  '/etc/barter': 'etc-barter',
  '/var/lib/libvirt': 'lib-libvirt',
  '/var/lib/barter': 'lib-barter',
  '/var/log': 'log',
  '/var/cache': 'cache',
} as const;

/**
 * What may be a file system of its own, small enough to be filled: the agent's state, and what libvirt keeps
 * and logs. Not /run, which is memory on a real host too.
 */
export const smallDisks = {
  agent: ['/var/lib/barter'],
  libvirt: ['/var/lib/libvirt', '/etc/libvirt', '/var/log/libvirt'],
} as const;

/** Where the second monitor of a guest's QEMU listens, inside the host where it runs. */
export const monitorDirectory = '/run/lab';

/** A path inside a host as the machine outside sees it: the same file, socket or directory. */
export function outside(host: HostState, inside: string): string {
  for (const [mount, directory] of Object.entries(privateMounts)) {
    if (inside === mount || inside.startsWith(`${mount}/`)) {
      return `${host.directory}/${directory}${inside.slice(mount.length)}`;
    }
  }
  return inside;
}

/** A command line that runs in all namespaces of a host. */
export function inHost(host: HostState, argv: readonly string[]): string[] {
  if (!isAlive(host.holder)) {
    throw new LabError(`host ${host.id} is not up: its namespaces are gone; run down, then up`);
  }
  return ['nsenter', '-t', String(host.holder.pid), '-m', '-n', '-u', '--', ...argv];
}

/** sysfs shows the network namespace of whoever mounted it, so every host needs its own. */
const holderScript = `
hostname "$HOST_ID"
mount -t sysfs sysfs /sys
mount --bind ${cacheDirectory} "$DIRECTORY/cache/barter-lab"
for pair in $MOUNTS; do mount --rbind "$DIRECTORY/\${pair#*=}" "\${pair%%=*}"; done
touch /run/ready
exec sleep infinity
`;

/** Makes the namespaces and their private directories. The process that keeps them is recorded in `host`. */
export async function makeHost(
  host: HostState,
  diskBytes: number | null,
  record: () => void,
): Promise<void> {
  for (const directory of Object.values(privateMounts)) {
    mkdirSync(`${host.directory}/${directory}`, { recursive: true, mode: 0o755 });
  }
  if (diskBytes !== null) await mountSmallDisks(host, diskBytes);
  for (const path of [
    '/run/lock',
    '/run/barter',
    monitorDirectory,
    '/var/log/barter',
    cacheDirectory,
    '/var/log/libvirt/qemu',
  ]) {
    mkdirSync(outside(host, path), { recursive: true });
  }
  configureLibvirt(host);
  const mounts = Object.entries(privateMounts);
  host.holder = await startDetached(
    [
      'nsenter',
      `--net=/run/netns/${host.namespace}`,
      'unshare',
      '--mount',
      '--uts',
      '--propagation',
      'private',
      'sh',
      '-ec',
      holderScript,
    ],
    `${host.directory}/holder.log`,
    {
      HOST_ID: host.id,
      DIRECTORY: host.directory,
      MOUNTS: mounts.map(([mount, directory]) => `${mount}=${directory}`).join(' '),
    },
  );
  record();
  const holder = host.holder;
  const ready = () => {
    if (!isAlive(holder))
      throw new LabError(`host ${host.id} did not start: ${tail(`${host.directory}/holder.log`)}`);
    return existsSync(outside(host, '/run/ready'));
  };
  await until(`the namespaces of host ${host.id}`, ready, 20_000, 10);
}

/** Mounted outside, so that the files stay reachable by the paths of `outside`; `down` takes the mounts away. */
async function mountSmallDisks(host: HostState, bytes: number): Promise<void> {
  for (const path of Object.values(smallDisks).flat()) {
    mkdirSync(outside(host, path), { recursive: true, mode: 0o755 });
    const options = `size=${bytes},mode=0755`;
    await mustRun(['mount', '-t', 'tmpfs', '-o', options, 'barter-lab', outside(host, path)]);
  }
}

function configureLibvirt(host: HostState): void {
  writeFileSync(
    outside(host, '/etc/libvirt/libvirtd.conf'),
    `host_uuid = "${randomUUID()}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n` +
      `log_outputs = "2:file:/var/log/libvirt/libvirtd.log"\n`,
  );
  writeFileSync(
    outside(host, '/etc/libvirt/qemu.conf'),
    'security_driver = "none"\nuser = "root"\ngroup = "root"\nnamespaces = []\ncgroup_controllers = []\n' +
      'stdio_handler = "file"\nremember_owner = 0\n',
  );
  writeFileSync(outside(host, '/etc/libvirt/virtlogd.conf'), '');
}

/** Starts libvirtd and virtlogd where they are not running, and waits until libvirtd answers. */
export async function startLibvirt(host: HostState, record: () => void): Promise<void> {
  if (!isAlive(host.virtlogd)) {
    host.virtlogd = await startDetached(
      inHost(host, ['virtlogd', '-f', '/etc/libvirt/virtlogd.conf', '-p', '/run/virtlogd.pid']),
      outside(host, '/var/log/virtlogd.out'),
    );
    record();
  }
  if (!isAlive(host.libvirtd)) {
    host.libvirtd = await startDetached(
      inHost(host, ['libvirtd', '-f', '/etc/libvirt/libvirtd.conf', '-p', '/run/libvirtd.pid']),
      outside(host, '/var/log/libvirtd.out'),
    );
    record();
  }
  const socket = libvirtSocket(host);
  const answers = () => {
    if (!isAlive(host.libvirtd))
      throw new LabError(
        `libvirtd of ${host.id} ended: ${tail(outside(host, '/var/log/libvirtd.out'))}`,
      );
    return accepts(socket);
  };
  await until(`libvirtd of ${host.id}`, answers, 60_000, 50);
}

/** The host's libvirt socket as the machine outside sees it. */
export function libvirtSocket(host: HostState): string {
  return outside(host, '/run/libvirt/libvirt-sock');
}

/** Whether somebody accepts connections on a Unix socket. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Notes in the host's agent log what the lab did, so that a log can be read alone. */
export function noteInAgentLog(host: HostState, text: string): void {
  appendFileSync(agentLog(host), `${JSON.stringify({ lab: text })}\n`);
}

/** The log of the host's agent as the machine outside sees it. */
export function agentLog(host: HostState): string {
  return outside(host, '/var/log/barter/agent.log');
}

export function tail(file: string, lines = 12): string {
  if (!existsSync(file)) return `(no ${file})`;
  return readFileSync(file, 'utf8').trim().split('\n').slice(-lines).join(' | ');
}
