import { readFile, writeFile } from 'node:fs/promises';
import { failure, type Result, success } from '@barter/agent/result.ts';
import { PRESETS, type PresetName } from '@barter/core';
import type { Cluster, SimulationOptions, SimulationResult } from '@barter/sim';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Register } from '../register.ts';
import type { Session } from '../session.ts';

type SimulateOptions = Readonly<{
  preset: PresetName;
  seed: number;
  until?: number;
  settleAfter?: number;
  json?: true;
  chart?: string;
}>;

export const register: Register = (program, session) => {
  program
    .command('simulate')
    .description('what would happen to the cluster of a file (see `barter snapshot`)')
    .argument('<file>', 'a cluster file; - reads it from standard input')
    .addOption(
      new Option('--preset <name>', 'the placement rule').choices(PRESETS).default('default'),
    )
    .option('--seed <n>', 'equal seeds give equal results', atLeast(0, true), 1)
    .option('--until <seconds>', 'end here at the latest, quiet or not', atLeast(0))
    .option('--settle-after <seconds>', 'how long a claim rests before its VM moves', atLeast(0))
    .option('--json', 'one JSON document')
    .option('--chart <file.svg>', 'draw cost and host load over time')
    .action(async (file: string, _options, command: Command) => {
      session.end(await run(session, file, command.optsWithGlobals<SimulateOptions>()));
    });
};

/** Codes: `cluster-unreadable`, `cluster-invalid`, `chart-unwritable`, `chart-unavailable`. */
async function run(
  session: Session,
  file: string,
  options: SimulateOptions,
): Promise<Result<SimulationResult>> {
  const cluster = await readCluster(session, file);
  if (!cluster.ok) return cluster;
  const { simulate } = await import('@barter/sim');
  const simulated = simulationOptions(options);
  const result = simulate(cluster.value, simulated);
  if (options.chart !== undefined) {
    const drawn = await drawChart(cluster.value, result, options);
    if (!drawn.ok) return drawn;
  }
  if (options.json) {
    session.json(result);
  } else {
    const { simulationPage } = await import('../simulation-page.ts');
    session.terminal.out(
      simulationPage(cluster.value, result, { ...options, columns: session.terminal.columns }),
    );
  }
  return success(result);
}

function simulationOptions({ preset, seed, until, settleAfter }: SimulateOptions) {
  const options: SimulationOptions = {
    preset,
    seed,
    ...(until === undefined ? {} : { untilSeconds: until }),
    ...(settleAfter === undefined ? {} : { settleAfterSeconds: settleAfter }),
  };
  return options;
}

async function readCluster(session: Session, file: string): Promise<Result<Cluster>> {
  const { clusterFileBytesMax, parseClusterFile } = await import('@barter/sim');
  let text: string;
  try {
    text =
      file === '-'
        ? await session.terminal.input(clusterFileBytesMax + 1)
        : await readFile(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failure('cluster-unreadable', `cannot read the cluster file ${file}: ${why}`);
  }
  const cluster = parseClusterFile(text);
  if (cluster.ok) return cluster;
  const name = file === '-' ? 'standard input' : file;
  const lines = cluster.problems.map(({ path, message }) =>
    path === '' ? `${name}: ${message}` : `${name}: ${path}: ${message}`,
  );
  return failure('cluster-invalid', lines.join('\n'));
}

async function drawChart(
  cluster: Cluster,
  result: SimulationResult,
  options: SimulateOptions,
): Promise<Result<null>> {
  const file = options.chart ?? '';
  let svg: string;
  try {
    const { chart } = await import('@barter/sim/chart.ts');
    svg = chart(cluster, result, { preset: options.preset });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return failure(
      'chart-unavailable',
      'cannot draw the chart: chart.mjs, which `npm run build` makes, has to lie beside barter.mjs',
    );
  }
  try {
    await writeFile(file, svg);
    return success(null);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failure('chart-unwritable', `cannot write the chart ${file}: ${why}`);
  }
}

function atLeast(least: number, isWhole = false): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value >= least && (!isWhole || Number.isSafeInteger(value)))
      return value;
    throw new InvalidArgumentError(
      `expected a ${isWhole ? 'whole ' : ''}number, ${least} or more.`,
    );
  };
}
