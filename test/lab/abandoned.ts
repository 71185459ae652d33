/**
 * Labs whose process is gone. A test run or a chaos run takes its labs away at its end; one that was killed cannot,
 * and its guests would run on for ever. So a lab names the process it belongs to, and whoever builds the next lab takes
 * away those that belong to nobody any more. A lab that was brought up by hand belongs to no process, and stays.
 */

import { tearDown } from './down.ts';
import { identify, isAlive, LabError, type ProcessRecord } from './process.ts';
import { bootId, type LabState, labNames, readState, withLabLock } from './state.ts';

/** The process that a lab belongs to unless something else is said: this one. */
export function thisProcess(): ProcessRecord | null {
  return identify(process.pid) ?? null;
}

/** Whether a lab belongs to a process that is gone. A PID that was used again since is somebody else's. */
export function isAbandoned(lab: Pick<LabState, 'owner' | 'bootId'>, boot = bootId()): boolean {
  // A state that was written before labs had owners names none.
  if (!lab.owner) return false;
  return lab.bootId !== boot || !isAlive(lab.owner);
}

/** Takes away every lab whose process is gone; what cannot be taken away is told, and nobody's hindrance. */
export async function takeAbandonedAway(report: (line: string) => void): Promise<void> {
  for (const name of labNames()) {
    try {
      if (isAbandonedNow(name)) await takeAway(name, report);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      report(`lab '${name}', whose process is gone, is left: ${error.message}`);
    }
  }
}

function isAbandonedNow(name: string): boolean {
  const lab = readState(name);
  return lab !== undefined && isAbandoned(lab);
}

function takeAway(name: string, report: (line: string) => void): Promise<void> {
  return withLabLock(name, async () => {
    // Somebody else may have taken it away, or built it anew, while we waited for the lock.
    if (!isAbandonedNow(name)) return;
    report(`taking lab '${name}' away: the process that it belonged to is gone`);
    await tearDown(name);
  });
}
