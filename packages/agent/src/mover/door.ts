/**
 * The way by which one domain may arrive here, and what went through it: closed for good when an arrival is given
 * up, and asked afterwards whether the order to run the domain had been let in.
 *
 * The marks lie in the runtime directory: they outlive agents and libvirtd, and a boot takes them away together
 * with everything that could have arrived before it. Whoever finds none knows nothing.
 *
 *   KEY.opened    this host has let the source's calls in for this settlement
 *   KEY.ordered   the call that makes the domain run has been let through: made before it goes on to libvirtd. When that
 *                 was, on both clocks, and the domain's name, by which libvirt keeps its log (qemu-log.ts)
 */

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ArrivalEvidence } from '../hypervisor/leftovers.ts';
import { settlementKey } from './channel.ts';
import { closeMover } from './control.ts';
import { monotonicMs } from './monotonic.ts';

/** A home that asks later than this is told that nobody knows. */
const marksKeptMs = 30 * 24 * 3600 * 1000;
const prepareWaitMs = 50;

/** A number alone: when a way was opened that no mover watches, and what movers wrote before they knew more. */
const orderedNote = z.union([
  z.number().transform((atMs) => ({ atMs, copy: null })),
  z
    .object({ atMs: z.number(), wallMs: z.number(), name: z.string() })
    .transform(({ atMs, ...copy }) => ({ atMs, copy })),
]);

/** What a mover writes into the mark of the order that it is about to let through. */
export function noteOrder(name: string): string {
  return JSON.stringify({ atMs: monotonicMs(), wallMs: Date.now(), name });
}

export function orderedMark(runDirectory: string, settlement: string): string {
  return join(marksDirectory(runDirectory), `${settlementKey(settlement)}.ordered`);
}

/**
 * Marks a settlement as let in. On a way that no mover watches the order may pass unseen from then on, so it is
 * marked as well. Rejects when that cannot be written: then nothing is let in.
 */
export async function markOpened(
  runDirectory: string,
  settlement: string,
  isWatched: boolean,
): Promise<void> {
  const directory = marksDirectory(runDirectory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await forgetOldMarks(directory);
  await writeFile(openedMark(runDirectory, settlement), '', { mode: 0o600 });
  if (isWatched) return;
  await writeFile(orderedMark(runDirectory, settlement), `${monotonicMs()}`, { mode: 0o600 });
}

/** What the marks say. Rejects when they cannot be read. */
export async function arrivalEvidence(
  runDirectory: string,
  settlement: string,
): Promise<ArrivalEvidence> {
  const ordered = orderedMark(runDirectory, settlement);
  if (existsSync(ordered)) return readOrdered(await readFile(ordered, 'utf8'));
  return { kind: existsSync(openedMark(runDirectory, settlement)) ? 'opened' : 'unknown' };
}

function readOrdered(text: string): ArrivalEvidence {
  try {
    return { kind: 'ordered', ...orderedNote.parse(JSON.parse(text)) };
  } catch {
    // A mark that was not written in full was made, and nobody knows when.
    return { kind: 'ordered', atMs: 0, copy: null };
  }
}

/** Waits until nothing is being opened for the settlement, and ends its mover. Rejects when that is not certain. */
export async function closeDoor(
  runDirectory: string,
  settlement: string,
  isOpening: () => boolean,
): Promise<void> {
  while (isOpening()) await new Promise((resolve) => setTimeout(resolve, prepareWaitMs));
  const closed = await closeMover(runDirectory, settlement, 'target');
  if (!closed.ok) throw new Error(closed.message);
}

async function forgetOldMarks(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > marksKeptMs) await rm(path, { force: true });
  }
}

function openedMark(runDirectory: string, settlement: string): string {
  return join(marksDirectory(runDirectory), `${settlementKey(settlement)}.opened`);
}

function marksDirectory(runDirectory: string): string {
  return join(runDirectory, 'arrivals');
}
