/** What all reading commands share: `--json`, `--peer`, `--limit`, asking the agent, printing the answer. */

import type { Views } from '@barter/agent/api.ts';
import type { Result } from '@barter/agent/result.ts';
import { type Command, InvalidArgumentError } from 'commander';
import type { GlobalOptions, Session } from './session.ts';
import type { Column } from './table.ts';

type ReadOptions = GlobalOptions & Readonly<{ json?: true; peer?: string; limit?: number }>;

/** Asks for a view and prints it, as one JSON document or as `render` draws it. */
export async function readView<Name extends keyof Views>(
  session: Session,
  name: Name,
  options: ReadOptions,
  render: (value: Views[Name]) => Promise<string> | string,
): Promise<Result<null>> {
  const client = await session.client(options);
  if (!client.ok) return client;
  const { peer, limit } = options;
  const view = await client.value.view(name, {
    ...(peer === undefined ? {} : { peer }),
    ...(limit === undefined ? {} : { limit }),
  });
  if (!view.ok) return view;
  if (options.json) session.json(view.value);
  else session.terminal.out(await render(view.value));
  return { ok: true, value: null };
}

type ListName = 'peers' | 'domains' | 'traffic' | 'deals' | 'moves';

/** A command that prints one table. `empty` is said instead of a table without rows. */
export function registerList<Name extends ListName>(
  program: Command,
  session: Session,
  list: Readonly<{
    name: Name;
    description: string;
    empty: string;
    columns: (nowMs: number) => readonly Column<Views[Name][number]>[];
  }>,
): void {
  program
    .command(list.name)
    .description(list.description)
    .option('--peer <name>', 'ask the agent of another host')
    .option('--limit <rows>', 'at most so many rows (1–1000)', rows)
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<ReadOptions>();
      session.end(
        await readView(session, list.name, options, async (value) => {
          if (value.length === 0) return list.empty;
          const { table } = await import('./table.ts');
          const { columns } = session.terminal;
          return table<Views[Name][number]>(value, list.columns(Date.now()), columns);
        }),
      );
    });
}

function rows(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError('expected a whole number from 1 to 1000.');
}
