/**
 * A mover's log: JSON lines on its standard error, which the agent has opened on the movers' log file.
 * Bounded, because a stranger who knocks on the port must not fill the disk.
 */

import { writeSync } from 'node:fs';
import type { Log, LogLevel } from '@barter/core';

const linesMax = 500;
const numbers: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

/** `fields` go into every line. Levels and keys are pino's, so that the agent's log tools read them. */
export function createMoverLog(fields: Readonly<Record<string, unknown>>): Log {
  let lines = 0;
  return {
    log(level, code, message, more) {
      lines += 1;
      if (lines > linesMax) return;
      const last = lines === linesMax ? ' (the last line: this mover has said too much)' : '';
      const entry = {
        level: numbers[level],
        time: Date.now(),
        pid: process.pid,
        ...fields,
        code,
        ...more,
      };
      try {
        writeSync(2, `${JSON.stringify({ ...entry, msg: message + last })}\n`);
      } catch {
        // A full disk or a closed file must not end a migration.
      }
    },
  };
}
