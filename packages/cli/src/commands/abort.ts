import type { Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('abort')
    .description('ends a live migration out of this host; the virtual machine stays')
    .argument('<domain>', 'name or UUID')
    .option(
      '--target-gone <host>',
      'of a migration in doubt: says that this host, its target, is gone for ever and runs nothing',
    )
    .option('--json', 'one JSON document')
    .action(async (domain: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ActOptions & { targetGone?: string }>();
      const { targetGone: target } = options;
      if (target !== undefined) {
        const body = { domain, target };
        const say = ({ ended, hasGoneOn }: { ended: string; hasGoneOn: boolean }) =>
          hasGoneOn
            ? `${ended} has run on ${target}, which said so before it was gone, and had gone on from there: what is left of it here is taken away.`
            : `The migration of ${ended} to ${target} has ended, and how is not known: ${target} is gone for ever, as you say. Start ${ended} by hand, on one host, if it runs nowhere; where it runs on another one by now, virsh undefine it here.`;
        session.end(await act(session, 'target-gone', body, options, say));
        return;
      }
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
