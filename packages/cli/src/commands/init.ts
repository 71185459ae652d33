import type { Command } from 'commander';
import type { ActOptions } from '../act.ts';
import type { Register } from '../register.ts';
import type { Session } from '../session.ts';

export const register: Register = (program, session) => {
  program
    .command('init')
    .description('makes a cluster of which this host is the first member')
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      session.end(await init(session, command.optsWithGlobals<ActOptions>()));
    });
};

async function init(session: Session, options: ActOptions) {
  const config = await session.config(options);
  if (!config.ok) return config;
  const [{ initCluster }, { membershipOptions }] = await Promise.all([
    import('@barter/agent/network/join.ts'),
    import('../membership.ts'),
  ]);
  const made = await initCluster({
    ...membershipOptions(config.value),
    clusterName: config.value.cluster.name,
  });
  if (!made.ok) return made;
  const { host, clusterName } = made.value;
  if (options.json) {
    session.json(made.value);
  } else {
    session.terminal.out(
      [
        `This host is ${host}, the first member of cluster ${clusterName}.`,
        'Start its agent: systemctl start barter (or barter agent).',
        'For each further host: barter invite here, barter join TICKET there.',
      ].join('\n'),
    );
  }
  return made;
}
