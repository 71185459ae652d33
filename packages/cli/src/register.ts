import type { Command } from 'commander';
import type { Session } from './session.ts';

/** What every file in `commands/` offers: it adds one or more subcommands to the program. */
export type Register = (program: Command, session: Session) => void;
