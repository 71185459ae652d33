/**
 * A libvirtd for one test: its own mount and UTS namespaces, its state in a temporary directory, and
 * no driver but the built-in ones (`test:///default`). It is ended by its PID, and by the kernel when
 * the test process dies.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LibvirtConnection } from '@barter/libvirt';

const startDeadlineMs = 20_000;
/** What libvirtd writes to, by the name of the directory that takes its place. */
const homes = {
  run: '/run',
  etc: '/etc/libvirt',
  lib: '/var/lib/libvirt',
  log: '/var/log',
  cache: '/var/cache',
};
const socketInside = 'run/libvirt/libvirt-sock';

/** Why a private libvirtd cannot run here; undefined when it can. */
export function privateLibvirtdObstacle(): string | undefined {
  const advice = '`sudo npm run lab:install` installs what is missing';
  if (process.platform !== 'linux') return 'libvirtd needs Linux';
  if (process.getuid?.() !== 0) return `a private libvirtd needs root (${advice})`;
  if (findProgram('libvirtd') === undefined) return `libvirtd is not installed (${advice})`;
  if (spawnSync('unshare', ['--mount', '--uts', 'true']).status !== 0) {
    return 'this machine allows no mount namespaces (a container without privileges?)';
  }
  return undefined;
}

function findProgram(name: string): string | undefined {
  return ['/usr/sbin', '/usr/bin', '/usr/local/sbin']
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
}

export class PrivateLibvirtd {
  readonly socketPath: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  static async start(): Promise<PrivateLibvirtd> {
    const directory = await mkdtemp(join(tmpdir(), 'barter-libvirtd-'));
    const libvirtd = new PrivateLibvirtd(directory);
    try {
      await libvirtd.restart();
    } catch (error) {
      await libvirtd.end();
      throw error;
    }
    return libvirtd;
  }

  private constructor(directory: string) {
    this.#directory = directory;
    this.socketPath = join(directory, socketInside);
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('this libvirtd is not running');
    return pid;
  }

  /** Starts it (again) on the same directory and waits until it answers. */
  async restart(): Promise<void> {
    const directory = this.#directory;
    for (const name of [...Object.keys(homes), 'drivers']) {
      await mkdir(join(directory, name), { recursive: true });
    }
    await writeFile(
      join(directory, 'etc/libvirtd.conf'),
      [
        'auth_unix_rw = "none"',
        'auth_unix_ro = "none"',
        'host_uuid = "5ba9e4a6-02d4-4f2e-8d0e-5a1f2c3b4d5e"',
        'log_outputs = "3:stderr"',
      ].join('\n'),
    );
    const script = [
      'set -e',
      ...Object.entries(homes).map(
        ([name, path]) => `mkdir -p ${path}; mount --bind "$1/${name}" ${path}`,
      ),
      // The QEMU driver would probe emulators and look after /var/lib: an empty directory hides it.
      'for drivers in /usr/lib/*/libvirt/connection-driver /usr/lib64/libvirt/connection-driver; do',
      '  if [ -d "$drivers" ]; then mount --bind "$1/drivers" "$drivers"; fi',
      'done',
      'exec libvirtd --config /etc/libvirt/libvirtd.conf',
    ].join('\n');
    const command = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--uts'];
    const [program = '', ...rest] = command;
    const child = spawn(
      program,
      [...rest, '--propagation', 'private', 'sh', '-c', script, 'sh', directory],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = child;
    let complaints = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-4_096);
    });
    const deadline = Date.now() + startDeadlineMs;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`libvirtd ended at once: ${complaints}`);
      }
      const connection = await LibvirtConnection.open({
        socketPath: this.socketPath,
        uri: 'test:///default',
      }).catch(() => undefined);
      if (connection !== undefined) {
        await connection.close();
        return;
      }
      if (Date.now() > deadline) throw new Error(`libvirtd does not answer: ${complaints}`);
      await pause(25);
    }
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#signalAndWait('SIGKILL');
  }

  /** SIGSTOP: it hangs, as far as anybody outside can tell. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Resident memory in bytes. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  async end(): Promise<void> {
    await this.#signalAndWait('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #signalAndWait(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    this.#process = undefined;
  }
}
