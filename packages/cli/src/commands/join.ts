import type { Config } from '@barter/agent/config/schema.ts';
import { failure } from '@barter/agent/result.ts';
import type { Command } from 'commander';
import type { ActOptions } from '../act.ts';
import type { Register } from '../register.ts';
import type { Session } from '../session.ts';

export const register: Register = (program, session) => {
  program
    .command('join')
    .description('makes this host a member of the cluster that gave out the ticket')
    .argument('<ticket>', 'what `barter invite` printed; - reads it from standard input')
    .option('--new-key', 'with a new key; what belongs to the old one is moved aside')
    .option('--json', 'one JSON document')
    .action(async (ticket: string, _options, command: Command) => {
      session.end(await join(session, ticket, command.optsWithGlobals<JoinOptions>()));
    });
};

type JoinOptions = ActOptions & Readonly<{ newKey?: boolean }>;

async function join(session: Session, given: string, options: JoinOptions) {
  const config = await session.config(options);
  if (!config.ok) return config;
  const ticket = given === '-' ? await session.terminal.input() : given;
  const [{ joinCluster }, { membershipOptions }] = await Promise.all([
    import('@barter/agent/network/join.ts'),
    import('../membership.ts'),
  ]);
  const retired = options.newKey ? await retire(config.value) : undefined;
  if (retired?.ok === false) return retired;
  const joined = await joinCluster(ticket.trim(), membershipOptions(config.value));
  if (!joined.ok) {
    // Nothing is gained: the old key is better than none.
    const back = await retired?.value.undo();
    return back?.ok === false ? back : joined;
  }
  const before = retired?.value.host ?? null;
  const { host, clusterName } = joined.value;
  if (options.json) {
    session.json(before === null ? joined.value : { ...joined.value, before });
  } else {
    session.terminal.out(
      [
        `This host is ${host}, a member of cluster ${clusterName}.`,
        'Start its agent: systemctl start barter (or barter agent).',
        ...(before === null
          ? []
          : [`Its old key is of no use to it any more. On another member: barter expel ${before}`]),
      ].join('\n'),
    );
  }
  return joined;
}

/** The files of a running agent must not be moved away under it. */
async function retire(config: Config) {
  const [{ ControlClient }, { retireIdentity }] = await Promise.all([
    import('@barter/agent/control/client.ts'),
    import('@barter/agent/network/retire.ts'),
  ]);
  const status = await new ControlClient({ socketPath: config.control.socket }).view('status');
  if (status.ok || status.code !== 'agent-not-running') {
    return failure(
      'agent-running',
      'An agent is running on this host: stop it first (systemctl stop barter).',
    );
  }
  return retireIdentity({
    keyFile: config.cluster.keyFile,
    stateDirectory: config.stateDirectory,
  });
}
