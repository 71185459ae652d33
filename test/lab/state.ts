/**
 * What a lab has made on this machine: `/var/lib/barter-lab/NAME/state.json`. It is written before a thing is made
 * and after a process is started, always whole (write, rename), so that `down` finds everything after
 * a crash at any point.
 */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import type { LabOptions } from './options.ts';
import { identify, isAlive, LabError, type ProcessRecord } from './process.ts';

export const labsDirectory = '/var/lib/barter-lab';

export type HostState = {
  readonly id: string;
  readonly address: string;
  /** Name of its network namespace. */
  readonly namespace: string;
  /** The host's own /run, /var/log, … are directories under it. */
  readonly directory: string;
  /** Keeps the mount and UTS namespaces alive. */
  holder: ProcessRecord | null;
  virtlogd: ProcessRecord | null;
  libvirtd: ProcessRecord | null;
  agent: ProcessRecord | null;
  /** The agent is meant to run. */
  agentWanted: boolean;
};

export type GuestState = {
  readonly id: string;
  readonly uuid: string;
  readonly mac: string;
  readonly address: string;
  /** Where it was started first. */
  readonly startedOn: string;
};

/** Two guests that talk; the rate is both directions added. */
export type PairState = { readonly a: string; readonly b: string; bitsPerSecond: number };

export type LabState = {
  readonly version: 1;
  readonly options: LabOptions;
  /** Processes recorded before a reboot are nobody's. */
  readonly bootId: string;
  /** The process that the lab goes with (abandoned.ts); null for one that stays until somebody takes it away. */
  owner: ProcessRecord | null;
  readonly directory: string;
  readonly switchNamespace: string;
  /** Where the guests' counters are asked from. */
  readonly switchAddress: string;
  phase: 'starting' | 'up';
  readonly hosts: HostState[];
  readonly guests: GuestState[];
  readonly pairs: PairState[];
};

export function labDirectory(name: string): string {
  return `${labsDirectory}/${name}`;
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The names of the labs that left a state behind. */
export function labNames(): readonly string[] {
  if (!existsSync(labsDirectory)) return [];
  return readdirSync(labsDirectory).filter((name) =>
    existsSync(`${labDirectory(name)}/state.json`),
  );
}

export function readState(name: string): LabState | undefined {
  const file = `${labDirectory(name)}/state.json`;
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as LabState;
}

export function writeState(state: LabState): void {
  mkdirSync(state.directory, { recursive: true, mode: 0o700 });
  const file = `${state.directory}/state.json`;
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** Removes a lab's directory, and the one above when it was the last lab. */
export async function removeState(name: string): Promise<void> {
  await rm(labDirectory(name), { recursive: true, force: true });
  await rmdir(labsDirectory).catch(() => {});
}

/**
 * Lets only one process change a lab at a time. The lock names its holder by PID and start time, so
 * the lock of a process that died is free. Throws `LabError` when another one is at work.
 */
export async function withLabLock<Value>(name: string, job: () => Promise<Value>): Promise<Value> {
  const lock = `${labDirectory(name)}.lock`;
  const me = JSON.stringify(identify(process.pid));
  for (let attempt = 0; ; attempt++) {
    // Whoever takes the last lab away removes the directory, perhaps just now.
    mkdirSync(labsDirectory, { recursive: true, mode: 0o755 });
    try {
      writeFileSync(lock, me, { flag: 'wx' });
      break;
    } catch {
      const holder = readLock(lock);
      if (isAlive(holder) || attempt > 5) {
        throw new LabError(
          `another process (PID ${holder?.pid ?? '?'}) is at work on lab '${name}'; wait until it ends, or end it`,
        );
      }
      await rm(lock, { force: true });
    }
  }
  try {
    return await job();
  } finally {
    await rm(lock, { force: true });
    await rmdir(labsDirectory).catch(() => {});
  }
}

function readLock(file: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
}
