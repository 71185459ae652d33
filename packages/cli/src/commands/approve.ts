import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('approve')
    .description('lets a recommended move happen (the ID is in `barter moves`)')
    .argument('<id>')
    .option('--json', 'one JSON document')
    .action(async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ActOptions>();
      session.end(
        await act(session, 'approve', { id }, options, ({ approved }) => `Approved: ${approved}.`),
      );
    });
};
