import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
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
      const { all = false, ...options } = command.optsWithGlobals<ActOptions & { all?: true }>();
      const done = await act(session, 'stop', { all }, options, ({ stopped, unreachable }) =>
        [
          `Stopped: ${stopped.join(', ') || 'nobody'}.`,
          ...(unreachable.length > 0 ? [`Not reached: ${unreachable.join(', ')}.`] : []),
        ].join('\n'),
      );
      session.end(done);
      if (done.ok && done.value.unreachable.length > 0) {
        session.end({
          ok: false,
          code: 'unreachable',
          message: `${done.value.unreachable.length} of the hosts were not reached and may go on: stop the agent there`,
        });
      }
    });
};
