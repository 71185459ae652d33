/**
 * `npm run bench:scale [-- --hosts 256,512,1024 --vms-per-host 16 --fill 80 --seed 1 --rounds 1]`
 *
 * How long it takes to simulate whole clusters until they are quiet: `tenants` from a random start, the default preset,
 * hosts as in all benchmarks (`instance.ts`), in a thread with a heap of its own, as `barter simulate` has it. Each size runs
 * in a process of its own, one after the other; `--rounds` takes all sizes so many times in turn, because what else a
 * machine does changes from minute to minute.
 */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { simulateApart } from '@barter/sim';
import { type Column, table } from '../../packages/cli/src/table.ts';
import { clusterOf, makeInstance } from './instance.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '256,512,1024' },
    'vms-per-host': { type: 'string', default: '16' },
    fill: { type: 'string', default: '80' },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1' },
    /** One size, here and now: what the others are started with. */
    alone: { type: 'boolean', default: false },
  },
});
const [fill, seed] = [Number(values.fill), Number(values.seed)];

type Run = Readonly<{
  hosts: number;
  vms: number;
  quietAtSeconds: number;
  deals: number;
  moves: number;
  costLeft: number;
  wallSeconds: number;
  cpuSeconds: number;
  peakBytes: number;
}>;

async function run(hosts: number): Promise<Run> {
  const instance = { hosts, fill, shape: 'tenants', start: 'random', seed } as const;
  const slots = Math.round((100 * Number(values['vms-per-host'])) / fill);
  const cluster = clusterOf(makeInstance(instance, slots));
  const before = process.cpuUsage();
  const result = await simulateApart(cluster, { seed });
  const { user, system } = process.cpuUsage(before);
  if (!result.quiet) throw new Error(`${hosts} hosts never became quiet`);
  return {
    hosts,
    vms: cluster.domains.length,
    quietAtSeconds: result.quietAtSeconds,
    deals: result.deals,
    moves: result.migrations.length,
    costLeft: result.finalCost / result.initialCost,
    wallSeconds: result.wallSeconds,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

async function runAlone(hosts: number): Promise<Run> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...process.execArgv,
    fileURLToPath(import.meta.url),
    ...['--alone', '--hosts', String(hosts), '--fill', values.fill, '--seed', values.seed],
    ...['--vms-per-host', values['vms-per-host']],
  ]);
  return JSON.parse(stdout) as Run;
}

type Row = Run & Readonly<{ ratio: number | undefined }>;

const right = (head: string, cell: (row: Row) => string): Column<Row> => ({
  head,
  cell,
  right: true,
});
const columns: readonly Column<Row>[] = [
  right('HOSTS', ({ hosts }) => String(hosts)),
  right('VMS', ({ vms }) => String(vms)),
  right('QUIET AT', ({ quietAtSeconds }) => `${quietAtSeconds.toFixed(0)} s`),
  right('DEALS', ({ deals }) => String(deals)),
  right('MOVES', ({ moves }) => String(moves)),
  right('LEFT', ({ costLeft }) => costLeft.toFixed(4)),
  right('WALL', ({ wallSeconds }) => `${wallSeconds.toFixed(1)} s`),
  right('CPU', ({ cpuSeconds }) => `${cpuSeconds.toFixed(1)} s`),
  right('MEMORY', ({ peakBytes }) => `${(peakBytes / 2 ** 30).toFixed(1)} GiB`),
  right('WALL ÷ LAST', ({ ratio }) => ratio?.toFixed(2) ?? ''),
];

const sizes = values.hosts.split(',').map(Number);
if (values.alone) {
  console.log(JSON.stringify(await run(sizes[0] ?? 0)));
} else {
  const rows: Row[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    let last: Run | undefined;
    for (const hosts of sizes) {
      const one = await runAlone(hosts);
      rows.push({ ...one, ratio: last && one.wallSeconds / last.wallSeconds });
      last = one;
    }
  }
  console.log(table(rows, columns, null));
}
