/**
 * `npm run faults -- [--seed S] [--count N] [--jobs J] [--keep-going]`
 *
 * Simulates whole clusters under faults, one for each seed from S on. A failure prints its seed, the commit and
 * what led to it; the same seed fails in the same way again. `--jobs` shares the seeds out to that many processes.
 */

import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Outcome, run } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100' },
    jobs: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
    'keep-going': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.count);
const jobs = Number(values.jobs);
const step = Number(values.step);
const keepsGoing = values['keep-going'];

/** What is told of one run, by a worker to the process that started it. */
type Told = Omit<Outcome, 'injected'> & Readonly<{ injected: Readonly<Record<string, number>> }>;

const told: Told[] = [];

if (jobs > 1) await shareOut();
else runAll();
if (!values.json) summarize();
process.exitCode = told.some(({ failure }) => failure !== undefined) ? 1 : 0;

function runAll(): void {
  // A worker whose parent was ended, however, ends as well: nothing else would tell it before its last seed.
  const parent = process.ppid;
  for (let seed = first; seed < first + count * step; seed += step) {
    const outcome = run(seed);
    if (process.ppid !== parent) return;
    take({ ...outcome, injected: Object.fromEntries(outcome.injected) });
    if (outcome.failure !== undefined && !keepsGoing) return;
  }
}

function take(outcome: Told): void {
  told.push(outcome);
  if (values.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  else if (outcome.failure !== undefined) tell(outcome, outcome.failure);
  else if (told.length % 100 === 0) process.stdout.write(`${told.length} seeds\n`);
}

async function shareOut(): Promise<void> {
  const workers = Array.from({ length: jobs }, (_, job) => {
    const share = Math.ceil((count - job) / jobs);
    const args = ['--seed', `${first + job}`, '--step', `${jobs}`, '--count', `${share}`, '--json'];
    const worker = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), ...args, ...(keepsGoing ? ['--keep-going'] : [])],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let rest = '';
    worker.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(JSON.parse(line) as Told);
    });
    return new Promise<void>((resolve) => worker.on('close', () => resolve()));
  });
  await Promise.all(workers);
}

function tell(outcome: Told, failure: NonNullable<Outcome['failure']>): void {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout;
  process.stdout.write(
    [
      `seed ${outcome.seed} breaks the rule "${failure.checker}" at ${(failure.atMs / 1000).toFixed(3)} s (commit ${commit.trim()})`,
      `  ${failure.message}`,
      failure.excerpt,
      `  again: npm run faults -- --seed ${outcome.seed} --count 1`,
      '',
    ].join('\n'),
  );
}

function summarize(): void {
  const sums = new Map<string, number>();
  for (const { injected } of told)
    for (const [kind, times] of Object.entries(injected))
      sums.set(kind, (sums.get(kind) ?? 0) + times);
  const sum = (of: (outcome: Told) => number) => told.reduce((total, one) => total + of(one), 0);
  const failed = told.filter(({ failure }) => failure !== undefined);
  process.stdout.write(
    [
      `${told.length} seeds, ${failed.length} failed${failed.length > 0 ? `: ${failed.map(({ seed, failure }) => `${seed} (${failure?.checker})`).join(', ')}` : ''}`,
      `${sum((one) => one.faultySeconds)} s under faults, ${sum((one) => one.deals)} deals, ${sum((one) => one.moves)} migrations, ${sum((one) => one.failedMoves)} failed ones`,
      `longest calm until everything had ended: ${Math.max(0, ...told.map((one) => one.endedAfterSeconds))} s`,
      'faults injected:',
      ...[...sums].toSorted().map(([kind, times]) => `  ${String(times).padStart(8)} ${kind}`),
      '',
    ].join('\n'),
  );
}
