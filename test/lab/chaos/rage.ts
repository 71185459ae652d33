/** The run itself, on a lab that is up: watch, let the storm rage while the load shifts, wait for rest, examine. */

import { appendFileSync, writeFileSync } from 'node:fs';
import type { Lab } from '../lab.ts';
import { LabError, poll } from '../process.ts';
import { Connections } from './connections.ts';
import { setAutostart, settle } from './ending.ts';
import { commitHere, examine, keepLogs } from './examine.ts';
import { History } from './journals.ts';
import { failedArrivals, moves } from './lives.ts';
import type { ChaosOptions } from './options.ts';
import { type LoadPlan, planFaults, planLoad } from './plan.ts';
import { type Findings, makeReport, type Report } from './report.ts';
import { Storm, type StormWorld } from './storm.ts';
import { Supervisor } from './supervisor.ts';
import { QemuWatch } from './watch.ts';

export type RunContext = Readonly<{
  say: (line: string) => void;
  /** Aborted when the operator interrupts. */
  signal: AbortSignal;
}>;

type Event = (what: string, data: object) => void;

const settleWithinMs = 420_000;

/** Returns the report, or null when interrupted. Throws `LabError` when the guests cannot be watched. */
export async function rage(
  lab: Lab,
  options: ChaosOptions,
  context: RunContext,
): Promise<Report | null> {
  const commit = commitHere();
  const guests = lab.state.guests.map(({ id }) => id);
  const load = planLoad(options.seed, options.minutes, guests);
  await setAutostart(lab);
  const connections = new Connections(lab, load);
  if (!(await connections.open(180_000))) throw new LabError('the guests did not connect in 180 s');
  const event: Event = (what, data) =>
    appendFileSync(
      `${options.output}/events.jsonl`,
      `${JSON.stringify({ at: new Date().toISOString(), what, ...data })}\n`,
    );
  let storm: Storm | undefined;
  const watch = new QemuWatch(lab.state, (news) => {
    event(news.moment, news.migration);
    storm?.reached(news);
  });
  const supervisor = new Supervisor(lab);
  const history = new History(lab);
  const endWatching = async () => {
    await storm?.end();
    await history.end();
    await supervisor.end();
    await connections.end();
    watch.end();
  };
  try {
    if (!(await poll(() => guests.every((id) => watch.livingOf(id).length === 1), 30_000)))
      throw new LabError('some guest has no QEMU');
    const beganAtMs = Date.now();
    storm = brew({ lab, supervisor, watch }, load, options, context, event);
    await letRage({ storm, watch, connections, load, guests, beganAtMs }, options, context);
    await storm.end();
    const calmAtMs = Date.now();
    if (context.signal.aborted) return null;
    context.say('the faults are over; waiting for rest');
    const tell = (line: string) => event('settle', { line });
    const parts = { lab, watch, connections, supervisor };
    const ended = await settle(parts, settleWithinMs, tell, context.signal);
    if (context.signal.aborted) return null;
    const nowMs = Date.now();
    await history.end();
    await supervisor.end();
    const examined = await examine(lab, history);
    await endWatching();
    const findings: Findings = {
      ...{ seed: options.seed, commit, hosts: lab.state.hosts.length, guests },
      ...{ beganAtMs, calmAtMs, nowMs, ended, ...examined },
      ...{ done: storm.done, skipped: storm.skipped, lives: watch.lives },
      ...{ watched: connections.watched, losses: connections.losses },
      endings: supervisor.endings,
    };
    const report = makeReport(findings);
    write(options, 'report', report);
    write(options, 'detail', findings);
    if (!report.held) keepLogs(lab, options.output);
    return report;
  } catch (error) {
    keepLogs(lab, options.output);
    throw error;
  } finally {
    await endWatching();
  }
}

function brew(
  world: StormWorld,
  load: LoadPlan,
  options: ChaosOptions,
  { say }: RunContext,
  event: Event,
): Storm {
  const { seed, minutes } = options;
  const plan = planFaults({ seed, minutes, hosts: world.lab.state.hosts.map(({ id }) => id) });
  write(options, 'plan', { plan, load });
  say(`seed ${seed}: ${plan.length} faults in ${minutes} minutes`);
  const beganAtMs = Date.now();
  return new Storm(world, plan, (line) => {
    event('fault', { line });
    say(`${((Date.now() - beganAtMs) / 60_000).toFixed(2)} min ${line}`);
  });
}

type Raging = Readonly<{
  storm: Storm;
  watch: QemuWatch;
  connections: Connections;
  load: LoadPlan;
  guests: readonly string[];
  beganAtMs: number;
}>;

/** Shifts the load by its plan and tells every minute how it goes, until the time is over or somebody interrupts. */
async function letRage(
  { storm, watch, connections, load, guests, beganAtMs }: Raging,
  { minutes }: ChaosOptions,
  { say, signal }: RunContext,
): Promise<void> {
  const shifts = [...load.shifts];
  let told = 0;
  const isOver = () => {
    const sinceMs = Date.now() - beganAtMs;
    while (shifts[0] && shifts[0].atMs <= sinceMs) connections.shift(shifts.shift()?.loud ?? []);
    if (sinceMs >= (told + 1) * 60_000) {
      told += 1;
      const moved = guests.flatMap((id) => moves(watch.lives, id, Date.now())).length;
      const failed = failedArrivals(watch.lives).length;
      say(
        `minute ${told}: ${storm.done.length} faults, ${moved} migrations, ${failed} failed, ${connections.losses.length} connections lost`,
      );
    }
    return sinceMs >= minutes * 60_000 || signal.aborted;
  };
  await poll(isOver, minutes * 60_000 + 60_000, 250);
}

function write(options: ChaosOptions, what: string, value: unknown): void {
  writeFileSync(`${options.output}/${what}.json`, `${JSON.stringify(value, null, 1)}\n`);
}
