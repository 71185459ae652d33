import type { Command } from 'commander';
import { act } from '../act.ts';
import { type EverywhereOptions, endUnreached, everywhereText } from '../everywhere.ts';
import type { Register } from '../register.ts';
import type { Session } from '../session.ts';

type Options = EverywhereOptions & Readonly<{ notRunningOn?: string }>;

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

async function resumeTrading(session: Session, all: boolean, options: Options): Promise<void> {
  const done = await act(session, 'resume', { all }, options, ({ resumed, unreachable }) =>
    everywhereText('Trading again', resumed, unreachable),
  );
  session.end(done);
  if (done.ok)
    endUnreached(session, done.value.unreachable, 'stay as they are: run `barter resume` there');
}
