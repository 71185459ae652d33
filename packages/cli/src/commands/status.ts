import type { Command } from 'commander';
import { readView } from '../read.ts';
import type { Register } from '../register.ts';
import type { GlobalOptions } from '../session.ts';

export const register: Register = (program, session) => {
  program
    .command('status')
    .description('how this host is, or any other host of the cluster')
    .option('--peer <name>', 'ask the agent of another host')
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { json?: true; peer?: string }>();
      session.end(
        await readView(session, 'status', options, async (status) => {
          const { statusPage } = await import('../status-page.ts');
          return statusPage(status, session.terminal);
        }),
      );
    });
};
