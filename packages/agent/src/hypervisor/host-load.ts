/**
 * What the kernel says about this machine: busy cores, memory in use, interfaces. Read where it is, not
 * guessed: memory that the page cache or the ZFS cache would give back at once is not in use.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the kernel's files are; tests put their own there. */
export type KernelPaths = Readonly<{
  proc: string;
  sys: string;
  /** The table of network devices: of this process's network namespace, which sysfs may not be. */
  networkDevices: string;
}>;
export const kernelPaths: KernelPaths = {
  proc: '/proc',
  sys: '/sys',
  networkDevices: '/proc/self/net/dev',
};

export type CpuTicks = Readonly<{ busy: number; total: number; cpus: number }>;

export type HostMemory = Readonly<{ totalBytes: number; availableBytes: number }>;

/** Since the machine started; the difference of two readings is a rate. */
export async function readCpuTicks(paths: KernelPaths): Promise<CpuTicks> {
  return parseCpuTicks(await readFile(join(paths.proc, 'stat'), 'utf8'));
}

/** /proc/stat: user nice system idle iowait irq softirq steal; guest time is part of user. */
export function parseCpuTicks(stat: string): CpuTicks {
  const fields = /^cpu\s+(.+)$/m.exec(stat)?.[1]?.trim().split(/\s+/).slice(0, 8).map(Number) ?? [];
  const total = fields.reduce((sum, value) => sum + value, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busy: total - idle, total, cpus: stat.match(/^cpu\d+ /gm)?.length ?? 0 };
}

/** Busy cores between two readings; 0 when no time passed. */
export function busyCores(before: CpuTicks, after: CpuTicks): number {
  const total = after.total - before.total;
  if (total <= 0) return 0;
  return Math.max(0, ((after.busy - before.busy) / total) * after.cpus);
}

export async function readHostMemory(paths: KernelPaths): Promise<HostMemory> {
  const memory = parseMemory(await readFile(join(paths.proc, 'meminfo'), 'utf8'));
  const arc = await readFile(join(paths.proc, 'spl/kstat/zfs/arcstats'), 'utf8').catch(() => '');
  return { ...memory, availableBytes: memory.availableBytes + reclaimableArcBytes(arc) };
}

export function parseMemory(meminfo: string): HostMemory {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return { totalBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable') };
}

/** MemAvailable counts the ZFS cache as used, although all above its minimum is given back on demand. */
export function reclaimableArcBytes(arcstats: string): number {
  const value = (name: string) =>
    Number(new RegExp(`^${name}\\s+\\d+\\s+(\\d+)`, 'm').exec(arcstats)?.[1] ?? 0);
  return Math.max(0, value('size') - value('c_min'));
}

/** The names of the network interfaces. */
export async function readInterfaces(paths: KernelPaths): Promise<ReadonlySet<string>> {
  const table = await readFile(paths.networkDevices, 'utf8');
  return new Set(table.split('\n').flatMap((line) => /^\s*(\S+):\s/.exec(line)?.[1] ?? []));
}

/** The speed of the fastest physical interface, bit/s; null when none says (virtual machines often do not). */
export async function readUplinkSpeed(paths: KernelPaths): Promise<number | null> {
  const directory = join(paths.sys, 'class/net');
  const names = await readdir(directory).catch(() => []);
  const speeds = await Promise.all(
    names.map(async (name) => {
      const physical = await readdir(join(directory, name, 'device')).catch(() => null);
      if (physical === null) return 0;
      const speed = await readFile(join(directory, name, 'speed'), 'utf8').catch(() => '-1');
      return Number(speed.trim()) * 1e6;
    }),
  );
  const fastest = Math.max(0, ...speeds.filter(Number.isFinite));
  return fastest > 0 ? fastest : null;
}

/** Free huge pages of one size in bytes; 0 for a size = any size. */
export async function readFreeHugepageBytes(
  paths: KernelPaths,
  pageBytes: number,
): Promise<number> {
  const directory = join(paths.sys, 'kernel/mm/hugepages');
  const names = await readdir(directory).catch(() => []);
  let free = 0;
  for (const name of names) {
    const size = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0) * 1024;
    if (size === 0 || (pageBytes !== 0 && size !== pageBytes)) continue;
    const count = await readFile(join(directory, name, 'free_hugepages'), 'utf8').catch(() => '0');
    free += Number(count) * size;
  }
  return free;
}
