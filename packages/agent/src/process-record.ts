/** A process of this machine, as the kernel tells of it in /proc (proc_pid_stat(5)). */

import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** A process id is used again; together with its start (field 22, in clock ticks since boot) it names one process. */
export const processRecord = z.strictObject({
  pid: z.number().int().positive(),
  startTicks: z.number(),
});
export type ProcessRecord = Readonly<z.infer<typeof processRecord>>;

/** `state` is one letter: T stopped by a signal, Z and X ended, anything else on its way. */
export type ProcessStat = Readonly<{ state: string; startTicks: number }>;

/** What /proc/PID/stat says. */
export function parseProcessStat(text: string): ProcessStat {
  // The name (field 2) may hold spaces and brackets: the fields count from its end, the state being the third.
  const [state = '', ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state, startTicks: Number(rest[18]) };
}

/** The process that has this id now; undefined when there is none, or only what its parent has not waited for. */
export function findProcess(pid: number): (ProcessRecord & ProcessStat) | undefined {
  try {
    const stat = parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return isEnded(stat) ? undefined : { pid, ...stat };
  } catch {
    return undefined;
  }
}

/** Whether the process is stopped by a signal (SIGSTOP) or on its way; `gone` also where another one has its id now. */
export function lookAtProcess(record: ProcessRecord): 'stopped' | 'going' | 'gone' {
  return judgeProcess(record, findProcess(record.pid));
}

/** The same from what /proc says of the process that has its id. */
export function judgeProcess(
  { startTicks }: ProcessRecord,
  stat: ProcessStat | undefined,
): 'stopped' | 'going' | 'gone' {
  if (stat === undefined || stat.startTicks !== startTicks || isEnded(stat)) return 'gone';
  return stat.state === 'T' ? 'stopped' : 'going';
}

/** Whether this process may send that one signals (kill(2), signal 0): another user's needs CAP_KILL. False also when it is gone. */
export function maySignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function isEnded({ state }: ProcessStat): boolean {
  return state === 'Z' || state === 'X';
}
