/** The small parts of a measurement: smoothed CPU, dirty rates, blockers, host load, capacity, presence. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainState, jobOperation, jobType, pausedReason } from '@barter/libvirt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Blockers } from '../../src/hypervisor/blockers.ts';
import { hostCapacity } from '../../src/hypervisor/capacity.ts';
import { CpuMeter } from '../../src/hypervisor/cpu-meter.ts';
import { DirtyRates } from '../../src/hypervisor/dirty-rate.ts';
import {
  busyCores,
  type KernelPaths,
  parseCpuTicks,
  readFreeHugepageBytes,
  readHostMemory,
  readInterfaces,
  readUplinkSpeed,
} from '../../src/hypervisor/host-load.ts';
import { presenceOf } from '../../src/hypervisor/presence.ts';
import { lost, migrating, reference, refused, ScriptedLibvirt } from './scripted-libvirt.ts';

const mebibyte = 1024 ** 2;

describe('CPU of a domain', () => {
  test('a steady load is shown at once, and a change little by little', () => {
    const meter = new CpuMeter(60_000);
    expect(meter.read('vm1', { atMs: 0, cpuNs: 0 })).toBe(0);
    expect(meter.read('vm1', { atMs: 5_000, cpuNs: 7.5e9 })).toBeCloseTo(1.5);
    let cores = 0;
    let cpuNs = 7.5e9;
    const shown: number[] = [];
    for (let atMs = 10_000; atMs <= 185_000; atMs += 5_000) {
      cores = meter.read('vm1', { atMs, cpuNs });
      shown.push(cores);
    }
    expect(shown[0]).toBeGreaterThan(1.3);
    expect(shown).toEqual([...shown].sort((a, b) => b - a));
    expect(cores).toBeCloseTo(1.5 * Math.exp(-3), 1);
    cpuNs = 0;
    // It was restarted: its counter began again, and that is not a negative load.
    expect(meter.read('vm1', { atMs: 190_000, cpuNs })).toBeGreaterThanOrEqual(0);
  });

  test('what is gone is forgotten', () => {
    const meter = new CpuMeter(60_000);
    meter.read('vm1', { atMs: 0, cpuNs: 0 });
    meter.keep(new Set());
    expect(meter.read('vm1', { atMs: 1_000, cpuNs: 1e9 })).toBe(0);
  });
});

describe('dirty rate', () => {
  const big = { uuid: 'vm1', memoryBytes: 1024 * mebibyte, cores: 0.5 };
  const other = { ...reference, uuid: 'vm2' };
  const domain = { ...reference, uuid: 'vm1' };
  const measured = (rate: bigint) =>
    new Map<string, number | bigint>([
      ['dirtyrate.calc_status', 2],
      ['dirtyrate.megabytes_per_second', rate],
    ]);

  test('estimated at first, measured one domain at a time, measured again when it is old', async () => {
    const rates = new DirtyRates({ renewMs: 600_000, measureSeconds: 1 });
    expect(rates.read(big, new Map()).source).toBe('estimated: busy cores');
    const domains = [domain, other].map((one) => ({
      reference: one,
      memoryBytes: 1024 * mebibyte,
    }));
    const started: string[] = [];
    const start = async (one: { uuid: string }) => {
      started.push(one.uuid);
    };
    await rates.renew(domains, 0, start);
    await rates.renew(domains, 1_000, start);
    expect(started).toEqual(['vm1']);
    expect(rates.read(big, measured(7n))).toEqual({
      bytesPerSecond: 7 * mebibyte,
      source: 'measured',
    });
    await rates.renew(domains, 5_000, start);
    rates.read({ ...big, uuid: 'vm2' }, measured(1n));
    await rates.renew(domains, 10_000, start);
    expect(started).toEqual(['vm1', 'vm2']);
    await rates.renew(domains, 600_001, start);
    expect(started).toEqual(['vm1', 'vm2', 'vm1']);
  });

  test('a guest too small for QEMU to look at is estimated, never taken for idle', async () => {
    const rates = new DirtyRates();
    const small = { ...big, memoryBytes: 96 * mebibyte };
    const rate = rates.read(small, measured(0n));
    expect(rate.bytesPerSecond).toBeGreaterThan(mebibyte);
    expect(rate.source).toContain('too small');
    let started = 0;
    await rates.renew([{ reference: domain, memoryBytes: small.memoryBytes }], 0, async () => {
      started += 1;
    });
    expect(started).toBe(0);
  });

  test('a measurement that fails leaves the estimate, and the next domain gets its turn', async () => {
    const rates = new DirtyRates({ renewMs: 600_000, measureSeconds: 1 });
    const domains = [domain, other].map((one) => ({
      reference: one,
      memoryBytes: 1024 * mebibyte,
    }));
    const started: string[] = [];
    const start = async (one: { uuid: string }) => {
      started.push(one.uuid);
      throw refused('operationFailed', 'QEMU does not answer');
    };
    await rates.renew(domains, 0, start);
    await rates.renew(domains, 1, start);
    await rates.renew(domains, 2, start);
    expect(started).toEqual(['vm1', 'vm2']);
    expect(rates.read(big, measured(9n)).source).toBe('estimated: busy cores');
  });
});

describe('blockers', () => {
  const asked = (definition: string) => [{ reference, definition }];

  test('unknown blocks; libvirt’s reason blocks; its yes does not', async () => {
    const blockers = new Blockers();
    expect(blockers.reason(reference.uuid)).toContain('not yet');
    const unsafe = refused('migrateUnsafe', 'Migration without shared storage is unsafe');
    const libvirt = new ScriptedLibvirt({ domain_migrate_begin3_params: () => unsafe });
    await blockers.refresh(asked('one'), 0, libvirt.domains);
    expect(blockers.reason(reference.uuid)).toBe(`libvirt: ${unsafe.message}`);
    await blockers.refresh(asked('two'), 1, new ScriptedLibvirt().domains);
    expect(blockers.reason(reference.uuid)).toBeNull();
  });

  test('is asked again only when the definition changed or the answer is old', async () => {
    const blockers = new Blockers();
    const libvirt = new ScriptedLibvirt();
    for (const atMs of [0, 1_000, 2_000])
      await blockers.refresh(asked('one'), atMs, libvirt.domains);
    expect(libvirt.count('domain_migrate_begin3_params')).toBe(1);
    await blockers.refresh(asked('one'), 300_001, libvirt.domains);
    expect(libvirt.count('domain_migrate_begin3_params')).toBe(2);
  });

  test('a domain that libvirt is busy with is not waited for', async () => {
    const blockers = new Blockers();
    for (const job of [
      migrating(1, 1),
      refused('operationUnsupported', 'only on the source host'),
    ]) {
      const libvirt = new ScriptedLibvirt({ domain_get_job_stats: () => job });
      await blockers.refresh(asked('one'), 0, libvirt.domains);
      expect(libvirt.count('domain_migrate_begin3_params')).toBe(0);
    }
    expect(blockers.reason(reference.uuid)).toContain('not yet');
  });

  test('what a migration was refused for is remembered while and after it is tried', async () => {
    const blockers = new Blockers();
    const { domains } = new ScriptedLibvirt();
    await blockers.refresh(asked('one'), 0, domains);
    await blockers.refresh(asked('one'), 1, domains, () => true);
    blockers.refused(reference.uuid, 'the target lacks a CPU feature');
    await blockers.refresh(asked('one'), 2, domains);
    expect(blockers.reason(reference.uuid)).toBe('the target lacks a CPU feature');
    await blockers.refresh([], 3, domains);
    expect(blockers.reason(reference.uuid)).toContain('not yet');
  });

  test('no answer leaves the earlier one, and the next time asks again', async () => {
    const blockers = new Blockers();
    await blockers.refresh(asked('one'), 0, new ScriptedLibvirt().domains);
    const silent = new ScriptedLibvirt({ domain_migrate_begin3_params: () => lost('timeout') });
    await blockers.refresh(asked('two'), 1, silent.domains);
    expect(blockers.reason(reference.uuid)).toBeNull();
    await blockers.refresh(asked('two'), 2, silent.domains);
    expect(silent.count('domain_migrate_begin3_params')).toBe(2);
  });
});

describe('the host', () => {
  let directory: string;
  let paths: KernelPaths;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-kernel-'));
    paths = { proc: directory, sys: directory, networkDevices: join(directory, 'dev') };
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const put = async (name: string, text: string) => {
    const path = join(directory, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
  };

  test('busy cores from two readings of /proc/stat', () => {
    const stat = (user: number, idle: number) =>
      parseCpuTicks(`cpu  ${user} 0 0 ${idle} 0 0 0 0 5 0\ncpu0 1 2\ncpu1 1 2\nintr 7\n`);
    expect(busyCores(stat(100, 100), stat(175, 125))).toBeCloseTo(1.5);
    expect(busyCores(stat(100, 100), stat(100, 100))).toBe(0);
  });

  test('the ZFS cache above its minimum is available', async () => {
    await put('meminfo', 'MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:   400 kB\n');
    expect(await readHostMemory(paths)).toEqual({ totalBytes: 1_024_000, availableBytes: 409_600 });
    await put('spl/kstat/zfs/arcstats', 'name type data\nc_min 4 100\nsize 4 600\n');
    expect((await readHostMemory(paths)).availableBytes).toBe(409_600 + 500);
  });

  test('interfaces, huge pages and the speed of physical uplinks', async () => {
    await put('dev', 'Inter-| Receive\n face |bytes\n    lo: 1 2\n   br0: 3 4\nbond0.7: 5 6\n');
    expect([...(await readInterfaces(paths))]).toEqual(['lo', 'br0', 'bond0.7']);
    await put('kernel/mm/hugepages/hugepages-2048kB/free_hugepages', '3\n');
    await put('kernel/mm/hugepages/hugepages-1048576kB/free_hugepages', '1\n');
    expect(await readFreeHugepageBytes(paths, 2 * mebibyte)).toBe(6 * mebibyte);
    expect(await readFreeHugepageBytes(paths, 0)).toBe(1030 * mebibyte);
    expect(await readUplinkSpeed(paths)).toBeNull();
    await put('class/net/eth0/device/vendor', '0x1');
    await put('class/net/eth0/speed', '25000\n');
    await put('class/net/br0/speed', '100000\n');
    expect(await readUplinkSpeed(paths)).toBe(25e9);
  });

  test('capacity: what is set aside, overcommitted, and left free', () => {
    const limits = {
      memoryBytes: null,
      vcpus: null,
      nicBitsPerSecond: null,
      memoryOvercommit: 1.5,
      cpuOvercommit: 4,
      headroom: 0.1,
    };
    const measured = { memoryBytes: 1000, cpus: 8, nicBitsPerSecond: 1e10 };
    expect(hostCapacity(measured, limits)).toEqual({
      memoryBytes: 1000,
      vcpus: 8,
      nicBitsPerSecond: 1e10,
      memoryTransientBytes: 1500,
      memoryLimitBytes: 1350,
      vcpuLimit: 32,
    });
    const capped = hostCapacity(measured, { ...limits, memoryBytes: 400, vcpus: 100 });
    expect(capped).toMatchObject({ memoryBytes: 400, vcpus: 8, memoryTransientBytes: 600 });
  });
});

describe('presence', () => {
  const job = (operation: number) => ({
    type: jobType.unbounded,
    parameters: new Map([['operation', operation]]),
  });
  const { running, paused, shutoff, crashed } = domainState;

  test.each([
    ['running', { state: running, reason: 1 }, null, { state: 'running' }],
    [
      'migrating',
      { state: running, reason: 1 },
      job(jobOperation.migrationOut),
      { state: 'migrating-out' },
    ],
    [
      'its last moment',
      { state: paused, reason: pausedReason.migration },
      job(jobOperation.migrationOut),
      { state: 'migrating-out' },
    ],
    [
      'arriving',
      { state: paused, reason: pausedReason.migration },
      'incoming',
      { state: 'arriving' },
    ],
    [
      'left behind',
      { state: paused, reason: pausedReason.migration },
      null,
      { state: 'paused', detail: 'paused by a migration that did not end', byMigration: true },
    ],
    [
      'an administrator’s pause',
      { state: paused, reason: pausedReason.user },
      null,
      { state: 'paused', detail: 'paused by an administrator', byMigration: false },
    ],
    ['shut off', { state: shutoff, reason: 1 }, null, { state: 'absent', defined: true }],
    [
      'crashed and kept',
      { state: crashed, reason: 1 },
      null,
      { state: 'paused', detail: 'libvirt says that its state is crashed', byMigration: false },
    ],
  ] as const)('%s', (_, state, theJob, presence) => {
    expect(presenceOf(state, theJob)).toEqual(presence);
  });
});
