/** `npm run lab:chaos`: the command line of the chaos run. */

import { LabError } from '../process.ts';
import { parseOptions, usage } from './options.ts';
import { reportText } from './report.ts';
import { runChaos } from './run.ts';

const say = (line: string) => console.error(`chaos: ${line}`);

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseOptions(argv, () => Math.floor(Math.random() * 1_000_000));
  if (!parsed.ok) {
    for (const problem of parsed.problems) say(problem);
    console.error(parsed.help ? usage : `\n${usage}`);
    return parsed.help ? 0 : 2;
  }
  const { options } = parsed;
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (interrupt.signal.aborted) return;
      say(`${name}: ending the faults and taking the lab away`);
      interrupt.abort();
    });
  try {
    const report = await runChaos(options, { say, signal: interrupt.signal });
    if (report === null) return 130;
    console.log(options.json ? JSON.stringify(report, null, 2) : reportText(report));
    if (!report.held)
      say(`run it again with --seed ${options.seed}; logs are in ${options.output}`);
    return report.held ? 0 : 1;
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    say(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
