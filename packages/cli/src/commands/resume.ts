import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';
import type { Session } from '../session.ts';

type Options = ActOptions & Readonly<{ all?: true; notRunningOn?: string }>;

export const register: Register = (program, session) => {
  program
    .command('resume')
    .description(
      'ends what `barter stop` began; with a virtual machine, lets it run on that is held paused here because nobody can tell whether it ran at the target of its migration',
    )
    .argument(
      '[domain]',
      'name or UUID of what is held; without --not-running-on, says what to look at first',
    )
    .option(
      '--not-running-on <host>',
      'of what is held: it does not run on its target, and never ran there',
    )
    .option('--all', 'on every host that can be reached, not only here')
    .option('--json', 'one JSON document')
    .action(async (domain: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { all = false, notRunningOn } = options;
      if (domain === undefined && notRunningOn === undefined) {
        await resumeTrading(session, all, options);
      } else if (domain === undefined || all) {
        command.error(
          domain === undefined
            ? "error: option '--not-running-on <host>' needs a virtual machine: barter resume VM --not-running-on HOST"
            : "error: option '--all' cannot be used with a virtual machine",
        );
      } else {
        const say = ({ resumed, target }: { resumed: string; target: string }) =>
          `${resumed} runs on here: it does not run on ${target}, as you say.`;
        session.end(await act(session, 'let-run-on', { domain, notRunningOn }, options, say));
      }
    });
};

async function resumeTrading(session: Session, all: boolean, options: ActOptions): Promise<void> {
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
}
