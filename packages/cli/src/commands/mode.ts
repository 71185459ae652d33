import type { Mode } from '@barter/core';
import { Argument, type Command } from 'commander';
import { type ActOptions, act } from '../act.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('mode')
    .description('observe: measure only; advise: recommend and wait for approval; auto: act')
    .addArgument(new Argument('<mode>').choices(['observe', 'advise', 'auto']))
    .option('--json', 'one JSON document')
    .action(async (mode: Mode, _options, command: Command) => {
      const options = command.optsWithGlobals<ActOptions>();
      session.end(
        await act(
          session,
          'mode',
          { mode },
          options,
          (now) => `The mode of this host is ${now.mode} now.`,
        ),
      );
    });
};
