/**
 * The QEMU process of a domain, as libvirt started it: which one it is, and whether it stands still. Found by the file
 * that libvirt keeps for each (`STATE/NAME.pid`, src/qemu/qemu_process.c) and known by what its command line says.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, type Result, success } from '../result.ts';

/** A process id is used again; together with its start it names one process (proc_pid_stat(5), field 22). */
export type QemuProcess = Readonly<{ pid: number; startTicks: number }>;

/**
 * The process of a running domain. `stateDirectory` is the QEMU driver's own, beside libvirt's socket. Errors:
 * `qemu-not-found`.
 */
export function findQemuProcess(
  stateDirectory: string,
  domain: Readonly<{ name: string; uuid: string }>,
): Result<QemuProcess> {
  const file = join(stateDirectory, `${domain.name}.pid`);
  const pid = Number(readText(file) ?? Number.NaN);
  const fields = Number.isInteger(pid) ? statOf(pid) : undefined;
  const words = (readText(`/proc/${pid}/cmdline`) ?? '').split('\0');
  if (fields === undefined || words[words.indexOf('-uuid') + 1] !== domain.uuid)
    return failure(
      'qemu-not-found',
      `The QEMU process of ${domain.name} is not the one that ${file} names: it could not be held still while the target is told to run the domain; look whether libvirt keeps that file.`,
    );
  return success({ pid, startTicks: fields.startTicks });
}

/** What the kernel says of the process: stopped by a signal (SIGSTOP), or on its way; `gone` also for another one of its id. */
export function lookAtProcess({ pid, startTicks }: QemuProcess): 'stopped' | 'going' | 'gone' {
  const fields = statOf(pid);
  if (fields?.startTicks !== startTicks || 'ZX'.includes(fields.state)) return 'gone';
  return fields.state === 'T' ? 'stopped' : 'going';
}

function statOf(pid: number): Readonly<{ state: string; startTicks: number }> | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The name may hold spaces and brackets: the fields count from its end, the state being the third.
  const [state = '', ...rest] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return stat === undefined ? undefined : { state, startTicks: Number(rest[18]) };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
