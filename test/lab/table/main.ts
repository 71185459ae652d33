/**
 * `sudo npm run lab:table [-- --only PATTERN] [--name NAME] [--keep] [--json FILE]`
 *
 * Runs the table of what dies during a migration on real guests, row by row, and says for each where the guest
 * ended, for how long it ran nowhere or twice, what was left, and what was decided. About a minute a row. Exit code
 * 1 when a row did not end as it has to.
 */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { thisProcess } from '../abandoned.ts';
import { downLab } from '../down.ts';
import type { Lab } from '../lab.ts';
import { poll } from '../process.ts';
import { whyNoLab } from '../requirements.ts';
import { storySettings } from '../stories/steps.ts';
import { upLab } from '../up.ts';
import { type Row, rows } from './rows.ts';
import { type HostId, type Seen, Stage, source, target } from './stage.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    name: { type: 'string', default: 'table' },
    keep: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

/** Memory takes some ten seconds, so that there is time to hit its phases. */
const settings = {
  ...storySettings,
  mode: 'advise',
  migration: { bandwidth: '64Mbit' },
};
const endsWithinMs = 150_000;
/** The two libvirtds answer a moment apart, and one that has just started says at first what it wrote down last. */
const lookToleranceMs = 300;

type Told = Readonly<{
  row: string;
  ok: boolean;
  source: Seen;
  target: Seen;
  seconds: number;
  runningTwiceMs: number;
  decided: string;
  problems: readonly string[];
}>;

const why = whyNoLab();
if (why !== undefined) throw new Error(`no lab here: ${why}`);
const lab = await upLab(
  {
    name: values.name,
    hosts: 2,
    domains: 2,
    guestsPerHost: 2,
    mode: 'advise',
    settings,
  },
  () => {},
  values.keep ? null : thisProcess(),
);
const stage = await Stage.open(lab);
const told: Told[] = [];
try {
  for (const row of rows.filter(({ name }) => new RegExp(values.only).test(name))) {
    const one = await play(row);
    told.push(one);
    report(one);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(told, null, 2)}\n`);
  }
} finally {
  await stage.close();
  if (!values.keep) await downLab(values.name);
}
const failed = told.filter(({ ok }) => !ok);
process.stdout.write(`${told.length - failed.length} of ${told.length} rows as they have to be\n`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function play(row: Row): Promise<Told> {
  const marks = Object.fromEntries(
    ([source, target] as const).map((host) => [host, sizeOf(lab.agentLog(host))]),
  ) as Record<HostId, number>;
  const problems: string[] = [];
  let seconds = 0;
  try {
    await stage.begin(row.environment);
    await row.act(stage);
    const actedAtMs = performance.now();
    const hasEnded = async () => {
      const [here, there] = [await stage.see(source), await stage.see(target)];
      const isOnce = [here, there].sort().join() === 'absent,running';
      return isOnce && (await nothingIsOpen(lab));
    };
    if (!(await poll(hasEnded, endsWithinMs, 500)))
      problems.push(`not over after ${endsWithinMs / 1000} s: ${await openThings(lab)}`);
    seconds = (performance.now() - actedAtMs) / 1000;
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  stage.thawAll();
  const [here, there] = [await stage.see(source), await stage.see(target)];
  const at = here === 'running' ? source : there === 'running' ? target : undefined;
  if (at === undefined) problems.push('it runs nowhere');
  else if (row.ends !== 'either' && at !== row.ends)
    problems.push(`it runs on ${at}, not ${row.ends}`);
  if (stage.runningTwiceMs > lookToleranceMs)
    problems.push(`it ran on both hosts for ${Math.round(stage.runningTwiceMs)} ms`);
  return {
    row: row.name,
    ok: problems.length === 0,
    source: here,
    target: there,
    seconds: Math.round(seconds * 10) / 10,
    runningTwiceMs: Math.round(stage.runningTwiceMs),
    decided: decisions(marks),
    problems,
  };
}

async function nothingIsOpen(lab: Lab): Promise<boolean> {
  return (await openThings(lab)) === '';
}

/** Migrations that an agent does not know the end of, or room that one keeps. */
async function openThings(lab: Lab): Promise<string> {
  const views = await Promise.all(
    [source, target].map(async (host) => {
      const status = await lab.view(host, 'status');
      if (status === undefined) return `${host} does not answer`;
      return status.migrations.running.map((move) => `${host}: ${JSON.stringify(move)}`).join('; ');
    }),
  );
  return views.filter((text) => text !== '').join('; ');
}

/** What the agents said about the end, in the order in which they said it. */
function decisions(marks: Readonly<Record<HostId, number>>): string {
  const codes = new Set([
    'migration-in-doubt',
    'migration-unresolved',
    'migration-decided',
    'migrated',
    'migration-failed',
  ]);
  return ([source, target] as const)
    .flatMap((host) =>
      readFileSync(lab.agentLog(host))
        .subarray(marks[host])
        .toString('utf8')
        .split('\n')
        .flatMap((line) => {
          try {
            const { code, message } = JSON.parse(line) as { code?: string; message?: string };
            return code !== undefined && codes.has(code) ? [`${host}: ${message}`] : [];
          } catch {
            return [];
          }
        }),
    )
    .join(' ');
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function report({ row, ok, source: here, target: there, seconds, decided, problems }: Told): void {
  process.stdout.write(
    `${ok ? 'ok  ' : 'FAIL'} ${row}: source ${here}, target ${there}, ${seconds} s after\n` +
      `       ${decided}\n${problems.map((text) => `     ! ${text}\n`).join('')}`,
  );
}
