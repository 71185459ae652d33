/**
 * A source's QEMU stands still (SIGSTOP) from the moment at which the order to run its domain goes to the target until
 * the answer is back. libvirt takes a lost answer for a no and lets the domain run on; as long as the process stands
 * still that has no effect, whoever of libvirtd, the mover and the agent is killed meanwhile.
 *
 *   going ── the order passes ──▶ standing still ── its answer has been handed to libvirtd ──▶ going   (the mover)
 *                                 standing still ── the target gave the domain up ───────────▶ going   (the agent)
 *                                 standing still ── the target has run the domain ───────────▶ killed  (the agent)
 *
 * A mark in the runtime directory tells whose process it is, and that it was us who stopped it; it outlives agents,
 * movers and libvirtd, and a boot takes it away together with the process. Synchronous, because the order waits.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { lookAtProcess, type ProcessRecord, processRecord } from '../process-record.ts';
import { settlementKey } from './channel.ts';

const markSchema = z.object({ domain: z.string(), qemu: processRecord });

export type Standstill = Readonly<{ domain: string; qemu: ProcessRecord; mark: string }>;

/** For the directory of all movers of a host. */
export function standstillMarks(runDirectory: string): string {
  return join(runDirectory, 'departures');
}

export function standstillMark(runDirectory: string, settlement: string): string {
  return join(standstillMarks(runDirectory), `${settlementKey(settlement)}.standstill`);
}

/** A process that waits for a disk stops when it is back from that; the order waits for so long. */
const stopsWithinMs = 2_000;

/**
 * Returns when the process stands still. Throws when the mark cannot be written or the process cannot be stopped, and
 * then it goes on: the order must not pass.
 */
export function beginStandstill({ domain, qemu, mark }: Standstill): void {
  mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
  writeFileSync(mark, JSON.stringify({ domain, qemu }), { mode: 0o600 });
  if (lookAtProcess(qemu) === 'gone') throw new Error(`QEMU (process ${qemu.pid}) has ended`);
  process.kill(qemu.pid, 'SIGSTOP');
  const untilMs = performance.now() + stopsWithinMs;
  for (;;) {
    const state = lookAtProcess(qemu);
    if (state === 'stopped') return;
    if (state === 'gone') throw new Error(`QEMU (process ${qemu.pid}) has ended`);
    if (performance.now() >= untilMs) break;
    Atomics.wait(pause, 0, 0, 1);
  }
  endStandstill(mark);
  throw new Error(`QEMU (process ${qemu.pid}) did not stand still within ${stopsWithinMs} ms`);
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Lets the process go on; without a mark, or with the process gone, nothing happens. Also a process that does not look
 * stopped is told: a SIGSTOP may be on its way still, and SIGCONT takes it back (POSIX.1-2017, XSH 2.4.1).
 */
export function endStandstill(mark: string): void {
  const known = readMark(mark);
  if (known !== null && lookAtProcess(known.qemu) !== 'gone')
    process.kill(known.qemu.pid, 'SIGCONT');
  rmSync(mark, { force: true });
}

/** The processes of a domain that stand still now because of a migration out of here. Takes away the marks of those that ended. */
export function standstillsOf(runDirectory: string, domain: string): readonly Standstill[] {
  const directory = standstillMarks(runDirectory);
  const found: Standstill[] = [];
  for (const name of namesIn(directory)) {
    const known = readMark(join(directory, name));
    if (known?.domain !== domain) continue;
    const state = lookAtProcess(known.qemu);
    if (state === 'gone') rmSync(known.mark, { force: true });
    else if (state === 'stopped') found.push(known);
  }
  return found;
}

/** null: there is none, or it was not written in full, and then nothing had been stopped yet. */
function readMark(mark: string): Standstill | null {
  try {
    return parseStandstill(readFileSync(mark, 'utf8'), mark);
  } catch {
    return null;
  }
}

/** What a mark says; null when it was not written in full. */
export function parseStandstill(text: string, mark: string): Standstill | null {
  try {
    return { ...markSchema.parse(JSON.parse(text)), mark };
  } catch {
    return null;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.standstill'));
  } catch {
    return [];
  }
}
