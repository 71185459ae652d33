import { type Command, InvalidArgumentError } from 'commander';
import { type ActOptions, act } from '../act.ts';
import { duration } from '../format.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('invite')
    .description('prints a ticket with which one new host can join, once')
    .option('--minutes <minutes>', 'how long the ticket is good for', minutes, 60)
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<ActOptions & { minutes: number }>();
      const invited = await act(
        session,
        'invite',
        { expiresInSeconds: options.minutes * 60 },
        options,
        ({ ticket }) => ticket,
      );
      session.end(invited);
      // Beside the ticket, so that `barter join "$(…)"` gets the ticket and nothing else.
      if (invited.ok && !options.json) {
        session.terminal.error(
          `Run \`barter join TICKET\` on the new host within ${duration(options.minutes * 60)}. Whoever has the ticket can join: keep it to yourself.`,
        );
      }
    });
};

function minutes(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 43_200) return value;
  throw new InvalidArgumentError('expected a whole number of minutes from 1 to 43200.');
}
