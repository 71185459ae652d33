import type { Command } from 'commander';
import type { ActOptions } from '../act.ts';
import type { Register } from '../program.ts';
import type { Session } from '../session.ts';

export const register: Register = (program, session) => {
  program
    .command('join')
    .description('makes this host a member of the cluster that gave out the ticket')
    .argument('<ticket>', 'what `barter invite` printed; - reads it from standard input')
    .option('--json', 'one JSON document')
    .action(async (ticket: string, _options, command: Command) => {
      session.end(await join(session, ticket, command.optsWithGlobals<ActOptions>()));
    });
};

async function join(session: Session, given: string, options: ActOptions) {
  const config = await session.config(options);
  if (!config.ok) return config;
  const ticket = given === '-' ? await session.terminal.input() : given;
  const [{ joinCluster }, { membershipOptions }] = await Promise.all([
    import('@barter/agent/network/join.ts'),
    import('../membership.ts'),
  ]);
  const joined = await joinCluster(ticket.trim(), membershipOptions(config.value));
  if (!joined.ok) return joined;
  const { host, clusterName } = joined.value;
  if (options.json) {
    session.json(joined.value);
  } else {
    session.terminal.out(
      [
        `This host is ${host}, a member of cluster ${clusterName}.`,
        'Start its agent: systemctl start barter (or barter agent).',
      ].join('\n'),
    );
  }
  return joined;
}
