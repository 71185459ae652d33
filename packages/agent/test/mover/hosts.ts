/** Two hosts with a libvirtd each, in namespaces of the test's own, and an agent inside each of them. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from './harness.ts';
import type { FromAgent, ToAgent } from './hosted-agent.ts';

const run = promisify(execFile);
const agentProgram = fileURLToPath(new URL('./hosted-agent.ts', import.meta.url));
const hostScript = fileURLToPath(new URL('./libvirt-host.sh', import.meta.url));

/** Why real hosts cannot be made here, or undefined when they can. */
export async function whyNoHosts(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const tool of ['libvirtd', 'virsh', 'qemu-system-x86_64', 'unshare', 'nsenter', 'ip']) {
    const found = await run('which', [tool]).catch(() => undefined);
    if (found === undefined) return `needs ${tool}: sudo npm run lab:install`;
  }
  return undefined;
}

export class Host {
  readonly name: string;
  readonly #libvirtd: ChildProcess;
  readonly #agent: ChildProcess;
  readonly #listeners = new Set<(message: FromAgent) => void>();

  private constructor(name: string, libvirtd: ChildProcess, agent: ChildProcess) {
    this.name = name;
    this.#libvirtd = libvirtd;
    this.#agent = agent;
    agent.on('message', (message: FromAgent) => {
      for (const listener of this.#listeners) listener(message);
    });
  }

  static async start(name: string, directory: string, networkOf?: Host): Promise<Host> {
    const args = [
      name,
      join(directory, name),
      ...(networkOf === undefined ? [] : [`${networkOf.pid}`]),
    ];
    const libvirtd = spawn(hostScript, args, { stdio: 'ignore' });
    const root = `/proc/${libvirtd.pid}/root`;
    await until(`libvirtd of ${name} listens`, async () => {
      if (libvirtd.exitCode !== null) throw new Error(`libvirtd of ${name} ended`);
      const path = join(root, 'run/libvirt/libvirt-sock');
      const own =
        (await readFile(`/proc/${libvirtd.pid}/comm`, 'utf8').catch(() => '')) === 'libvirtd\n';
      return (
        own &&
        (await access(path).then(
          () => true,
          () => false,
        ))
      );
    });
    const enter = ['-t', `${libvirtd.pid}`, '-m', '-n', '-u', process.execPath];
    const agent = spawn('nsenter', [...enter, agentProgram, join(directory, `${name}.log`)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    // Messages before it listens would be lost.
    await once(agent, 'message');
    return new Host(name, libvirtd, agent);
  }

  get pid(): number {
    return this.#libvirtd.pid ?? 0;
  }

  tell(message: ToAgent): void {
    this.#agent.send(message);
  }

  listen(listener: (message: FromAgent) => void): void {
    this.#listeners.add(listener);
  }

  /** The next message of a kind. */
  next<Kind extends FromAgent['kind']>(kind: Kind): Promise<Extract<FromAgent, { kind: Kind }>> {
    return new Promise((resolve) => {
      const listener = (message: FromAgent): void => {
        if (message.kind !== kind) return;
        this.#listeners.delete(listener);
        resolve(message as Extract<FromAgent, { kind: Kind }>);
      };
      this.#listeners.add(listener);
    });
  }

  async virsh(...args: string[]): Promise<string> {
    const enter = ['-t', `${this.pid}`, '-m', '-n', '-u', 'virsh', '-c', 'qemu:///system', '-q'];
    const { stdout } = await run('nsenter', [...enter, ...args]);
    return stdout.trim();
  }

  async domainState(name: string): Promise<string> {
    return this.virsh('domstate', name).catch(() => 'absent');
  }

  stop(): void {
    this.#agent.kill('SIGKILL');
    this.#libvirtd.kill('SIGKILL');
  }
}

/** Two hosts that share a network, with what one asks carried to the other. */
export async function startHosts(): Promise<{
  source: Host;
  target: Host;
  directory: string;
  stop: () => Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'barter-hosts-'));
  const source = await Host.start('source', directory);
  const target = await Host.start('target', directory, source);
  connectAgents(source, target);
  connectAgents(target, source);
  const stop = async (): Promise<void> => {
    for (const host of [source, target]) {
      await host.virsh('destroy', 'web1').catch(() => {});
      host.stop();
    }
    await rm(directory, { recursive: true, force: true });
  };
  return { source, target, directory, stop };
}

function connectAgents(asker: Host, answerer: Host): void {
  asker.listen((message) => {
    if (message.kind === 'ask') answerer.tell({ ...message, from: asker.name });
  });
  answerer.listen((message) => {
    if (message.kind === 'answer') asker.tell(message);
  });
}
