import type { Cluster } from '@barter/sim';
import type { Command } from 'commander';
import { readView } from '../read.ts';
import type { Register } from '../register.ts';
import type { GlobalOptions } from '../session.ts';

export const register: Register = (program, session) => {
  program
    .command('snapshot')
    .description('the cluster as this agent sees it, as a cluster file')
    .option('--json', 'the same: a cluster file is JSON')
    .action(async (_options, command: Command) => {
      const { json: _json, ...options } = command.optsWithGlobals<
        GlobalOptions & { json?: true }
      >();
      session.end(
        await readView(session, 'snapshot', options, async ({ cluster, missing }) => {
          for (const { host, reason } of missing)
            session.terminal.error(`barter: ${host} is not in the snapshot: ${reason}`);
          const { formatClusterFile } = await import('@barter/sim');
          return formatClusterFile(cluster as unknown as Cluster).trimEnd();
        }),
      );
    });
};
