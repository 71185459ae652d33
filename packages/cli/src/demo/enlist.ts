/**
 * Makes a cluster of the demo's hosts the way an operator does: `barter init` on the first host, an
 * invitation for each other one, `barter join TICKET` there, and an agent started on each.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { failure, type Result, success } from '@barter/agent/result.ts';
import type { WorldServer } from '@barter/sim';
import type { RunCommandLine } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { type AgentFiles, AgentProcess } from './agent-process.ts';

export type DemoTiming = Readonly<{
  probeSeconds: number;
  smoothingSeconds: number;
  tradeSeconds: number;
  settleAfterSeconds: number;
}>;

export type EnlistOptions = Readonly<{
  server: WorldServer;
  directory: string;
  timing: DemoTiming;
  signal: AbortSignal;
  run: RunCommandLine;
  /** When all agents must be up, by `performance.now()`: in seconds usually, later on a busy machine. */
  upBy: number;
  onCrash(why: string): void;
  /** Called as soon as a process exists, so that nobody forgets it. */
  onAgent(agent: AgentProcess): void;
}>;

/** Resolves when every agent is up and a member. */
export async function enlist(options: EnlistOptions): Promise<Result<readonly AgentProcess[]>> {
  const { server, directory, signal } = options;
  const agents: AgentProcess[] = [];
  const start = (name: string, files: AgentFiles): AgentProcess => {
    const agent = new AgentProcess(name, files, options.onCrash);
    agents.push(agent);
    options.onAgent(agent);
    return agent;
  };
  let first: AgentProcess | undefined;
  for (const host of server.world.hosts) {
    if (signal.aborted) return failure('stopped', 'The demo was stopped.');
    const files = await writeConfig(options, host.id, host.location, join(directory, host.id));
    const member =
      first === undefined
        ? await barter(options.run, ['--config', files.config, 'init'])
        : await joinBy(options.run, first, files);
    if (!member.ok) return member;
    const agent = start(host.id, files);
    if (first === undefined) {
      first = agent;
      const up = await isUp(agent, options);
      if (!up.ok) return up;
    }
  }
  for (const agent of agents) {
    const up = await isUp(agent, options);
    if (!up.ok) return up;
  }
  return success(agents);
}

async function joinBy(
  run: RunCommandLine,
  inviter: AgentProcess,
  files: AgentFiles,
): Promise<Result<null>> {
  const invited = await inviter.client.command('invite', { expiresInSeconds: 60 });
  if (!invited.ok) return invited;
  return await barter(run, ['--config', files.config, 'join', invited.value.ticket]);
}

/** Runs one command line of `barter` as an operator would, and gives its complaint when it fails. */
async function barter(run: RunCommandLine, words: readonly string[]): Promise<Result<null>> {
  const complaints: string[] = [];
  const terminal: Terminal = {
    out: () => {},
    error: (text) => void complaints.push(text),
    input: async () => '',
    columns: null,
    colours: false,
    unicode: false,
  };
  const code = await run(words, terminal);
  if (code === 0) return success(null);
  return failure('demo-failed', `\`barter ${words[2]}\` failed: ${complaints.join(' ')}`);
}

async function isUp(agent: AgentProcess, options: EnlistOptions): Promise<Result<null>> {
  const { signal, upBy } = options;
  let reason = '';
  while (performance.now() < upBy && agent.running && !signal.aborted) {
    const status = await agent.client.view('status');
    if (status.ok) return success(null);
    reason = status.message;
    await pause(50);
  }
  if (signal.aborted) return failure('stopped', 'The demo was stopped.');
  return failure('demo-failed', `The agent of ${agent.name} did not come up in time: ${reason}.`);
}

async function writeConfig(
  options: EnlistOptions,
  name: string,
  location: readonly string[],
  directory: string,
): Promise<AgentFiles> {
  const { server, timing } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = {
    config: join(directory, 'barter.yaml'),
    control: join(directory, 'control.sock'),
    log: join(directory, 'agent.log'),
  };
  const config = {
    name,
    cluster: { name: 'demo', keyFile: join(directory, 'host.key') },
    listen: ['/ip4/127.0.0.1/tcp/0'],
    location,
    mode: 'auto',
    stateDirectory: directory,
    hypervisor: { kind: 'simulated', socket: server.socketOf(name) },
    probe: { intervalSeconds: timing.probeSeconds, smoothingSeconds: timing.smoothingSeconds },
    trading: {
      everySeconds: timing.tradeSeconds,
      settleAfterSeconds: timing.settleAfterSeconds,
      cooldownSeconds: 600,
    },
    control: { socket: files.control },
    http: { listen: 'off' },
  };
  // YAML reads JSON.
  await writeFile(files.config, JSON.stringify(config, null, 2), { mode: 0o600 });
  return files;
}
