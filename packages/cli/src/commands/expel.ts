import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('expel')
    .description('shuts a host out of the cluster for good; it can only come back with a new key')
    .argument('<peer>', 'its name or host id')
    .option('--with-guests', 'also everybody whom it let in, for a key that was in the wrong hands')
    .option('--json', 'one JSON document')
    .action(async (peer: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ActOptions & { withGuests?: boolean }>();
      const body = options.withGuests ? { peer, withGuests: true } : { peer };
      session.end(
        await act(session, 'expel', body, options, ({ expelled }) => `Expelled: ${expelled}.`),
      );
    });
};
