import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('resume')
    .description('ends what `barter stop` began')
    .option('--all', 'on every host that can be reached, not only here')
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      const { all = false, ...options } = command.optsWithGlobals<ActOptions & { all?: true }>();
      const done = await act(session, 'resume', { all }, options, ({ resumed, unreachable }) =>
        [
          `Trading again: ${resumed.join(', ') || 'nobody'}.`,
          ...(unreachable.length > 0 ? [`Not reached: ${unreachable.join(', ')}.`] : []),
        ].join('\n'),
      );
      session.end(done);
      if (done.ok && done.value.unreachable.length > 0) {
        session.end({
          ok: false,
          code: 'unreachable',
          message: `${done.value.unreachable.length} of the hosts were not reached and stay as they are: run \`barter resume\` there`,
        });
      }
    });
};
