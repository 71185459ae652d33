import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('abort')
    .description('ends a live migration out of this host; the virtual machine stays')
    .argument('<domain>', 'name or UUID')
    .option('--json', 'one JSON document')
    .action(async (domain: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ActOptions>();
      session.end(
        await act(
          session,
          'abort-migration',
          { domain },
          options,
          ({ aborted }) => `The migration of ${aborted} is being aborted.`,
        ),
      );
    });
};
