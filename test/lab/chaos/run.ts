/** One run: build the lab, let the storm rage, wait for rest, examine, report, take the lab away. */

import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { tearDown } from '../down.ts';
import type { Lab } from '../lab.ts';
import { LabError, poll } from '../process.ts';
import { readState, withLabLock } from '../state.ts';
import { upLab } from '../up.ts';
import { Connections, quietBitsPerSecond } from './connections.ts';
import { setAutostart, settle } from './ending.ts';
import { examineJournal, History, type JournalFinding } from './journals.ts';
import { failedArrivals, moves } from './lives.ts';
import type { ChaosOptions } from './options.ts';
import { planFaults, planLoad } from './plan.ts';
import { makeReport, type Report } from './report.ts';
import { Storm } from './storm.ts';
import { Supervisor } from './supervisor.ts';
import { QemuWatch } from './watch.ts';

export type RunContext = Readonly<{
  say: (line: string) => void;
  /** Aborted when the operator interrupts. */
  signal: AbortSignal;
}>;

/**
 * Plenty of migrations to break. Agents trade by the second, and a guest may move again soon. The preset is
 * the one that acts on loads as they are now: by default a load that does not last half a payback time moves nothing.
 * With so low a watermark it brings together whoever talks.
 */
const settings = {
  preset: 'threshold',
  thresholds: { nic: { high: '100kbit', swapBand: ['50kbit', '80kbit'] } },
  probe: { intervalSeconds: 1, smoothingSeconds: 4 },
  trading: { everySeconds: 1, settleAfterSeconds: 2, cooldownSeconds: 5, minGain: '100kbit' },
};
const diskBytes = 24 * 2 ** 20;
const settleWithinMs = 420_000;

/**
 * Returns the report, or null when interrupted; the lab is gone then, unless it is to be kept. Throws `LabError`
 * when the lab cannot be built.
 */
export function runChaos(options: ChaosOptions, context: RunContext): Promise<Report | null> {
  // Held for the whole run: a second run on the same lab would take this one's hosts away.
  return withLabLock(`${options.name}-run`, async () => {
    const { name, hosts, domains } = options;
    mkdirSync(options.output, { recursive: true });
    const earlier = readState(name);
    if (earlier && !earlier.options.monitors)
      throw new LabError(
        `lab '${name}' is not a chaos run's; take it down, or choose another --name`,
      );
    if (earlier) {
      context.say(`removing what an earlier run left of lab '${name}'`);
      await withLabLock(name, () => tearDown(name));
    }
    try {
      const shape = { name, hosts, domains, seed: options.seed, placement: 'random' as const };
      // The plan says who talks to whom: the lab's own pairs hardly do.
      const quiet = { pairBitsPerSecond: 2 * quietBitsPerSecond };
      const lab = await upLab(
        { ...shape, ...quiet, settings, diskBytes, monitors: true },
        context.say,
      );
      return await rage(lab, options, context);
    } finally {
      if (!options.keep) await withLabLock(name, () => tearDown(name));
    }
  });
}

async function rage(
  lab: Lab,
  options: ChaosOptions,
  { say, signal }: RunContext,
): Promise<Report | null> {
  const guests = lab.state.guests.map(({ id }) => id);
  const hosts = lab.state.hosts.map(({ id }) => id);
  const at = commit();
  const load = planLoad(options.seed, options.minutes, guests);
  await setAutostart(lab);
  const connections = new Connections(lab, load);
  if (!(await connections.open(180_000))) throw new LabError('the guests did not connect in 180 s');
  const supervisor = new Supervisor(lab);
  const history = new History(lab);
  const event = (what: string, data: object) =>
    appendFileSync(
      `${options.output}/events.jsonl`,
      `${JSON.stringify({ at: new Date().toISOString(), what, ...data })}\n`,
    );
  let storm: Storm | undefined;
  const watch = new QemuWatch(lab.state, (news) => {
    event(news.moment, news.migration);
    storm?.reached(news);
  });
  try {
    if (!(await poll(() => guests.every((id) => watch.livingOf(id).length === 1), 30_000)))
      throw new LabError('some guest has no QEMU');
    const beganAtMs = Date.now();
    const plan = planFaults({ seed: options.seed, minutes: options.minutes, hosts });
    writeFileSync(`${options.output}/plan.json`, JSON.stringify({ plan, load }, null, 1));
    say(`seed ${options.seed}: ${plan.length} faults in ${options.minutes} minutes`);
    storm = new Storm({ lab, supervisor }, plan, (line) => {
      event('fault', { line });
      say(`${((Date.now() - beganAtMs) / 60_000).toFixed(2)} min ${line}`);
    });
    const endsAtMs = beganAtMs + options.minutes * 60_000;
    let shift = 0;
    let toldMinute = 0;
    await poll(
      () => {
        const sinceMs = Date.now() - beganAtMs;
        for (
          let next = load.shifts[shift];
          next && next.atMs <= sinceMs;
          next = load.shifts[shift]
        ) {
          connections.shift(next.loud);
          shift += 1;
        }
        if (sinceMs / 60_000 >= toldMinute + 1) {
          toldMinute += 1;
          const moved = guests.reduce(
            (sum, id) => sum + moves(watch.lives, id, Date.now()).length,
            0,
          );
          say(
            `minute ${toldMinute}: ${storm?.done.length} faults, ${moved} migrations, ${failedArrivals(watch.lives).length} failed, ${connections.losses.length} connections lost`,
          );
        }
        return Date.now() >= endsAtMs || signal.aborted;
      },
      options.minutes * 60_000 + 60_000,
      250,
    );
    await storm.end();
    if (signal.aborted) return null;
    const calmAtMs = Date.now();
    say('the faults are over; waiting for rest');
    const tell = (line: string) => event('settle', { line });
    const parts = { lab, watch, connections, supervisor };
    const ended = await settle(parts, settleWithinMs, tell, signal);
    if (signal.aborted) return null;
    const nowMs = Date.now();
    await history.end();
    await supervisor.end();
    const examined = await examine(lab, history);
    await connections.end();
    watch.end();
    const report = makeReport({
      seed: options.seed,
      commit: at,
      hosts: hosts.length,
      guests,
      beganAtMs,
      calmAtMs,
      nowMs,
      done: storm.done,
      skipped: storm.skipped,
      lives: watch.lives,
      watched: connections.watched,
      losses: connections.losses,
      endings: supervisor.endings,
      ended,
      ...examined,
    });
    writeFileSync(`${options.output}/report.json`, `${JSON.stringify(report, null, 1)}\n`);
    const detail = { lives: watch.lives, losses: connections.losses, done: storm.done };
    writeFileSync(`${options.output}/detail.json`, JSON.stringify(detail, null, 1));
    if (!report.held) keepLogs(lab, options.output);
    return report;
  } catch (error) {
    keepLogs(lab, options.output);
    throw error;
  } finally {
    await storm?.end();
    await history.end();
    await supervisor.end();
    await connections.end();
    watch.end();
  }
}

/** Reads every history through the agent and through the file, and lets the agent open its journal once more. */
async function examine(
  lab: Lab,
  history: History,
): Promise<Readonly<{ journals: readonly JournalFinding[]; forgotten: readonly string[] }>> {
  const journals: JournalFinding[] = [];
  const forgotten: string[] = [];
  for (const { id } of lab.state.hosts) {
    for (const what of ['moves', 'deals'] as const) {
      const shown = await lab.barter(id, what, '--json');
      if (shown.code !== 0) forgotten.push(`barter ${what} on ${id} fails: ${shown.stderr.trim()}`);
    }
    await lab.stopAgent(id);
    const journal = examineJournal(lab, id);
    journals.push(journal);
    for (const told of history.told(id))
      if (!journal.keys.some((key) => key.endsWith(told)))
        forgotten.push(`the journal of ${id} has no '${told}', which its agent had shown`);
    await lab
      .startAgent(id)
      .catch((error) =>
        forgotten.push(`the agent of ${id} does not start again: ${error.message}`),
      );
  }
  return { journals, forgotten };
}

function keepLogs(lab: Lab, output: string): void {
  for (const { id, directory } of lab.state.hosts)
    for (const part of ['log', 'lib-barter', 'etc-libvirt'])
      cpSync(`${directory}/${part}`, `${output}/${id}/${part}`, { recursive: true });
}

function commit(): string {
  const git = (...words: string[]) => spawnSync('git', words, { encoding: 'utf8' }).stdout.trim();
  const dirty = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes';
  return `${git('rev-parse', '--short', 'HEAD')}${dirty}`;
}
