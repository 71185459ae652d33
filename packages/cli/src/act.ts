/** What all commands that change something share: asking the agent to, and saying what came of it. */

import type { Commands } from '@barter/agent/api.ts';
import type { Result } from '@barter/agent/result.ts';
import type { GlobalOptions, Session } from './session.ts';

export type ActOptions = GlobalOptions & Readonly<{ json?: true }>;

/** Sends a command; prints its answer as JSON, or the sentence that `say` makes of it. */
export async function act<Name extends keyof Commands>(
  session: Session,
  name: Name,
  body: Commands[Name]['body'],
  options: ActOptions,
  say: (value: Commands[Name]['value']) => string,
): Promise<Result<Commands[Name]['value']>> {
  const client = await session.client(options);
  if (!client.ok) return client;
  const done = await client.value.command(name, body);
  if (!done.ok) return done;
  if (options.json) session.json(done.value);
  else session.terminal.out(say(done.value));
  return done;
}
