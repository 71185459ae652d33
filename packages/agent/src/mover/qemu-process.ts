/**
 * Which process the QEMU of a domain is, as libvirt started it: found by the file that libvirt keeps for each
 * (`STATE/NAME.pid`, src/qemu/qemu_process.c) and known by what its command line says.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProcess, type ProcessRecord } from '../process-record.ts';
import { failure, type Result, success } from '../result.ts';

/**
 * The process of a running domain. `stateDirectory` is the QEMU driver's own, beside libvirt's socket. Errors:
 * `qemu-not-found`.
 */
export function findQemuProcess(
  stateDirectory: string,
  domain: Readonly<{ name: string; uuid: string }>,
): Result<ProcessRecord> {
  const file = join(stateDirectory, `${domain.name}.pid`);
  const pid = Number(readText(file) ?? Number.NaN);
  const found = Number.isInteger(pid) ? findProcess(pid) : undefined;
  const words = (readText(`/proc/${pid}/cmdline`) ?? '').split('\0');
  if (found === undefined || words[words.indexOf('-uuid') + 1] !== domain.uuid)
    return failure(
      'qemu-not-found',
      `The QEMU process of ${domain.name} is not the one that ${file} names: it could not be held still while the target is told to run the domain; look whether libvirt keeps that file.`,
    );
  return success({ pid, startTicks: found.startTicks });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
