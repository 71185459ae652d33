import type { Command } from 'commander';
import { act } from '../act.ts';
import { type EverywhereOptions, endUnreached, everywhereText } from '../everywhere.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('stop')
    .description(
      'no new deals or migrations, until `barter resume`; what is under way ends as it would',
    )
    .option('--all', 'on every host that can be reached, not only here')
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      const { all = false, ...options } = command.optsWithGlobals<EverywhereOptions>();
      const done = await act(session, 'stop', { all }, options, ({ stopped, unreachable }) =>
        everywhereText('Stopped', stopped, unreachable),
      );
      session.end(done);
      if (done.ok) endUnreached(session, done.value.unreachable, 'may go on: stop the agent there');
    });
};
