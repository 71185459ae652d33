/**
 * Keeps this process's memory, and with it this host's key, out of core dumps: a dump then holds registers and
 * no memory. Programs that this one starts inherit it (core(5), "Controlling which mappings are written").
 */

import { writeFileSync } from 'node:fs';

/** False where the kernel does not offer it; the unit's `LimitCORE=0` stands beside it. */
export function keepOutOfCoreDumps(): boolean {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
    return true;
  } catch {
    return false;
  }
}
