/** The command line of the chaos run. */

import { parseArgs } from 'node:util';

export type ChaosOptions = Readonly<{
  name: string;
  seed: number;
  minutes: number;
  hosts: number;
  domains: number;
  json: boolean;
  /** Leave the lab up at the end, to be looked at. */
  keep: boolean;
  /** Where the report, the plan and, after a failure, the logs go. */
  output: string;
}>;

export const usage = `Breaks the lab's hosts on purpose while real guests run and talk. Needs root and what 'npm run lab:install' installs.

  npm run lab:chaos -- [options]

  --minutes M     how long faults rage (default 30); some minutes to build and to settle come on top
  --seed N        of the faults and the load (default: drawn, and printed)
  --hosts N       default 5, at least 2
  --domains N     default 6, at least 2
  --name NAME     of the lab (default chaos); several may exist at once
  --output DIR    report, events and, after a failure, the hosts' logs (default .lab/chaos-SEED)
  --json          the report as JSON on stdout; progress goes to stderr
  --keep          leave the lab up; 'npm run lab -- down --name NAME' takes it away

Exit codes: 0 everything held, 1 something did not or could not be built, 2 wrong usage, 130 interrupted.
`;

export type Parsed =
  | Readonly<{ ok: true; options: ChaosOptions }>
  | Readonly<{ ok: false; help: boolean; problems: readonly string[] }>;

/** Reads the command line; every problem is one sentence. `drawSeed` gives the seed where none is set. */
export function parseOptions(argv: readonly string[], drawSeed: () => number): Parsed {
  let values: Readonly<Record<string, string | boolean | undefined>>;
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string', default: '30' },
        seed: { type: 'string' },
        hosts: { type: 'string', default: '5' },
        domains: { type: 'string', default: '6' },
        name: { type: 'string', default: 'chaos' },
        output: { type: 'string' },
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return {
      ok: false,
      help: false,
      problems: [error instanceof Error ? error.message : String(error)],
    };
  }
  if (values.help === true) return { ok: false, help: true, problems: [] };
  const problems: string[] = [];
  const number = (key: string, least: number, most: number, whole: boolean): number => {
    const value = Number(values[key]);
    const fits = value >= least && value <= most && (!whole || Number.isInteger(value));
    if (!fits || values[key] === '')
      problems.push(
        `--${key} takes a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not '${values[key]}'`,
      );
    return value;
  };
  const seed = values.seed === undefined ? drawSeed() : number('seed', 0, 2 ** 32 - 1, true);
  const options: ChaosOptions = {
    name: String(values.name),
    seed,
    minutes: number('minutes', 0.1, 7 * 24 * 60, false),
    hosts: number('hosts', 2, 32, true),
    domains: number('domains', 2, 128, true),
    json: values.json === true,
    keep: values.keep === true,
    output: String(values.output ?? `.lab/chaos-${seed}`),
  };
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(options.name))
    problems.push(
      `--name takes at most 24 of a-z, 0-9 and -, a letter first, not '${options.name}'`,
    );
  return problems.length > 0 ? { ok: false, help: false, problems } : { ok: true, options };
}
