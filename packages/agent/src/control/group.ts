/**
 * The group that may use the control socket. Node knows no peer credentials of a Unix socket, so it is the
 * socket's owner and mode that decide, and the kernel that enforces them.
 */

import { readFileSync } from 'node:fs';

const linesMax = 65_536;

/** The number of a group of this host; undefined when there is none. Groups of a directory service go by number. */
export function groupIdOf(name: string, file = '/etc/group'): number | undefined {
  if (/^\d{1,9}$/.test(name)) return Number(name);
  let lines: readonly string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n', linesMax);
  } catch {
    return undefined;
  }
  for (const line of lines) {
    const [group, , id] = line.split(':');
    if (group === name && id !== undefined && /^\d{1,9}$/.test(id)) return Number(id);
  }
  return undefined;
}
