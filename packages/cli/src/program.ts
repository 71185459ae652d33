/**
 * The command `barter`: which subcommands there are, and how one is loaded. Only the module of the command
 * that was asked for is imported, so that `barter status` does not wait for what `barter agent` needs.
 */

import { version } from '@barter/agent/version.ts';
import { Command, CommanderError } from 'commander';
import type { Register } from './register.ts';
import { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

type Loader = () => Promise<{ register: Register }>;

const commands: Readonly<Record<string, Loader>> = {
  agent: () => import('./commands/agent.ts'),
  init: () => import('./commands/init.ts'),
  invite: () => import('./commands/invite.ts'),
  join: () => import('./commands/join.ts'),
  expel: () => import('./commands/expel.ts'),
  status: () => import('./commands/status.ts'),
  peers: () => import('./commands/peers.ts'),
  domains: () => import('./commands/domains.ts'),
  traffic: () => import('./commands/traffic.ts'),
  deals: () => import('./commands/deals.ts'),
  moves: () => import('./commands/moves.ts'),
  mode: () => import('./commands/mode.ts'),
  approve: () => import('./commands/approve.ts'),
  reject: () => import('./commands/reject.ts'),
  abort: () => import('./commands/abort.ts'),
  stop: () => import('./commands/stop.ts'),
  resume: () => import('./commands/resume.ts'),
  doctor: () => import('./commands/doctor.ts'),
  snapshot: () => import('./commands/snapshot.ts'),
  simulate: () => import('./commands/simulate.ts'),
  demo: () => import('./commands/demo.ts'),
  mover: () => import('./commands/mover.ts'),
};

const valueOptions = new Set(['--socket', '--config']);

/**
 * Runs one command line.
 * @param words what follows `barter`
 * @returns the exit code: 0, 1 or 2
 */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const session = new Session(terminal, runCommandLine);
  const program = createProgram(terminal);
  const asked = commandOf(words);
  const loaders = asked === undefined ? Object.values(commands) : [commands[asked] as Loader];
  for (const { register } of await Promise.all(loaders.map((load) => load()))) {
    register(program, session);
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  return session.exitCode;
}

function createProgram(terminal: Terminal): Command {
  return new Command('barter')
    .description(
      'Places virtual machines on KVM hosts by barter: one agent a host, no coordinator.',
    )
    .version(version, '-V, --version')
    .option('--socket <path>', "the agent's control socket")
    .option('--config <file>', 'the configuration, /etc/barter/barter.yaml by default')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.error(text.trimEnd()),
      getOutHelpWidth: () => terminal.columns ?? 100,
      getErrHelpWidth: () => terminal.columns ?? 100,
      getOutHasColors: () => terminal.colours,
      getErrHasColors: () => terminal.colours,
    })
    .helpCommand(true)
    .showHelpAfterError('(see barter --help)');
}

/** The command that is asked for, when it is one we know and help is not what is wanted first. */
function commandOf(words: readonly string[]): string | undefined {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (valueOptions.has(word)) index += 1;
    else if (!word.startsWith('-')) return Object.hasOwn(commands, word) ? word : undefined;
    else if (!/^--(socket|config)=/.test(word)) return undefined;
  }
  return undefined;
}
