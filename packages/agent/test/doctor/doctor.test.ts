import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/api.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import type { Check } from '../../src/doctor/check.ts';
import { allChecks, examine } from '../../src/doctor/doctor.ts';
import type { FileText, HostProbes, ProgramRun } from '../../src/doctor/probes.ts';

const gibibyte = 2 ** 30;
const now = Date.UTC(2026, 5, 1);

function configured(text = ''): Config {
  const config = parseConfig(text, 'test');
  if (!config.ok) throw new Error(config.message);
  return config.value;
}

const text = (content: string): FileText => ({ kind: 'text', text: content });
const ran = (code: number, output = '', errors = ''): ProgramRun => ({
  kind: 'ended',
  code,
  output,
  errors,
});

type World = Partial<HostProbes> & {
  files?: Record<string, FileText>;
  programs?: Record<string, ProgramRun>;
  stats?: Record<string, { mode: number; uid: number }>;
  sockets?: Record<string, 'open' | 'missing' | 'refused' | 'forbidden'>;
};

/** A host on which everything is as it should be, but for what the story changes. */
function host(world: World = {}): HostProbes {
  const files: Record<string, FileText> = {
    '/var/lib/barter/roster.json': text('{}'),
    '/etc/libvirt/qemu.conf': text('lock_manager = "lockd"\n'),
    '/proc/self/mounts': text('/dev/sda1 / ext4 rw 0 0\nnas:/vms /srv/vms nfs4 rw 0 0\n'),
    ...world.files,
  };
  const stats: NonNullable<World['stats']> = {
    '/etc/barter/host.key': { mode: 0o600, uid: 0 },
    '/dev/kvm': { mode: 0o660, uid: 0 },
    '/sys/class/net/br0/bridge': { mode: 0o755, uid: 0 },
    ...world.stats,
  };
  const programs: NonNullable<World['programs']> = {
    nft: ran(0, '{}'),
    timedatectl: ran(0, 'yes\n'),
    ...world.programs,
  };
  const sockets = { '/run/libvirt/virtqemud-sock': 'open' as const, ...world.sockets };
  return {
    nodeVersion: '24.21.0',
    memoryBytes: 64 * gibibyte,
    cpus: 16,
    isRoot: true,
    nowMs: () => now,
    read: async (path) => files[path] ?? { kind: 'missing' },
    list: async (path) =>
      path === '/sys/class/net' ? ['lo', 'eth0', 'br0'] : path.endsWith('/brif') ? ['eth0'] : [],
    stat: async (path) => stats[path] ?? null,
    mayWrite: async () => true,
    freeBytes: async () => 100 * gibibyte,
    connectUnix: async (path) => sockets[path as '/run/libvirt/virtqemud-sock'] ?? 'missing',
    tryListen: async () => 'free',
    run: async (program) => programs[program] ?? { kind: 'missing' },
    processNames: async () => new Set(['systemd', 'virtqemud', 'qemu-system-x86']),
    ...world,
  } as HostProbes;
}

/** A mark of a migration, and what the kernel says of the process in it. */
function standingStill(state: string): World {
  const directory = '/run/barter/mover/departures';
  const mark = JSON.stringify({ domain: 'uuid-1', qemu: { pid: 4711, startTicks: 5 } });
  return {
    list: async (path) => (path === directory ? ['a.standstill'] : []),
    files: {
      [`${directory}/a.standstill`]: text(mark),
      '/proc/4711/stat': text(`4711 (qemu) ${state} ${'0 '.repeat(18)}5 0`),
    },
  };
}

async function findings(
  world: World = {},
  options: { config?: string; agentRunning?: boolean } = {},
): Promise<readonly Finding[]> {
  return examine({
    config: configured(options.config),
    probes: host(world),
    agentRunning: options.agentRunning ?? true,
  });
}

/** The one finding of a check, as `level: message`. */
async function finding(check: string, world: World, options: Parameters<typeof findings>[1] = {}) {
  const found = (await findings(world, options)).filter((each) => each.check === check);
  expect(found).toHaveLength(1);
  return `${found[0]?.level}: ${found[0]?.message}`;
}

describe('barter doctor', () => {
  it('finds nothing wrong with a host that is as it should be', async () => {
    const found = await findings({ tryListen: async () => 'in-use' });
    expect(found.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(found.length).toBeGreaterThan(12);
  });

  const stories: readonly [string, string, World, string, RegExp][] = [
    ['an old Node', 'node', { nodeVersion: '20.11.1' }, '', /problem: .*needs Node 24/],
    [
      'more memory than there is',
      'memory',
      {},
      'limits: { memory: 1TiB }',
      /problem: .*only 64.0 GiB/,
    ],
    ['overcommitted memory', 'memory', {}, 'limits: { memoryOvercommit: 1.5 }', /warning: .*swap/],
    ['more CPUs than there are', 'cpus', {}, 'limits: { vcpus: 64 }', /warning: .*has 16 CPUs/],
    ['a clock that was never set', 'clock', { nowMs: () => 0 }, '', /problem: .*NTP/],
    [
      'a clock adrift',
      'clock',
      { programs: { timedatectl: ran(0, 'no\n') } },
      '',
      /warning: .*NTP/,
    ],
    ['no timedatectl', 'clock', { programs: { timedatectl: { kind: 'missing' } } }, '', /^ok/],
    [
      'a state directory out of reach',
      'state',
      { mayWrite: async () => false },
      '',
      /problem: \/var\/lib\/barter/,
    ],
    ['a full disk', 'state', { freeBytes: async () => 2 ** 20 }, '', /problem: less than 64MiB/],
    [
      'a disk that fills',
      'state',
      { freeBytes: async () => 2 ** 28 },
      '',
      /warning: less than 512MiB/,
    ],
    [
      'Proxmox beside us',
      'other-balancers',
      { processNames: async () => new Set(['pve-ha-crm']) },
      '',
      /warning: the Proxmox.*undo each other/,
    ],
    [
      'no key',
      'key',
      { stats: { '/etc/barter/host.key': undefined as never } },
      '',
      /problem: .*barter init/,
    ],
    [
      'a key for everybody',
      'key',
      { stats: { '/etc/barter/host.key': { mode: 0o644, uid: 0 } } },
      '',
      /problem: .*chmod 600/,
    ],
    [
      'no roster',
      'roster',
      { files: { '/var/lib/barter/roster.json': { kind: 'missing' } } },
      '',
      /problem: .*no cluster/,
    ],
    ['an agent that listens elsewhere', 'ports', {}, '', /warning: .*does not listen/],
    [
      'an address of another host',
      'ports',
      { tryListen: async () => 'unavailable' },
      '',
      /problem: .*no such address/,
    ],
    [
      'no libvirt',
      'libvirt',
      { sockets: { '/run/libvirt/virtqemud-sock': 'missing' } },
      '',
      /problem: .*install libvirt/,
    ],
    [
      'libvirt stopped',
      'libvirt',
      { sockets: { '/run/libvirt/virtqemud-sock': 'refused' } },
      '',
      /problem: .*systemctl start/,
    ],
    [
      'libvirt for root only',
      'libvirt',
      { sockets: { '/run/libvirt/virtqemud-sock': 'forbidden' } },
      '',
      /problem: permission denied/,
    ],
    [
      'the old libvirtd',
      'libvirt',
      {
        sockets: {
          '/run/libvirt/virtqemud-sock': 'missing',
          '/run/libvirt/libvirt-sock': 'open',
        } as never,
      },
      '',
      /^ok: \/run\/libvirt\/libvirt-sock/,
    ],
    ['no KVM', 'kvm', { stats: { '/dev/kvm': undefined as never } }, '', /warning: .*emulated/],
    [
      'no lock manager',
      'disk-locks',
      { files: { '/etc/libvirt/qemu.conf': text('#lock_manager = "lockd"\n') } },
      '',
      /warning: .*virtlockd.*sanlock/,
    ],
    [
      'a QEMU that waits for the end of a migration',
      'standstill',
      standingStill('T'),
      '',
      /warning: process 4711, .*uuid-1.* stands still.*barter resume uuid-1/,
    ],
    [
      'no shared storage',
      'shared-storage',
      { files: { '/proc/self/mounts': text('/dev/sda1 / ext4 rw 0 0\n') } },
      '',
      /warning: .*without disks/,
    ],
    [
      'no nft',
      'nftables',
      { programs: { nft: { kind: 'missing' } } },
      '',
      /problem: .*install nftables/,
    ],
    [
      'nft without rights',
      'nftables',
      { programs: { nft: ran(1, '', 'Operation not permitted (you must be root)') } },
      '',
      /problem: .*CAP_NET_ADMIN/,
    ],
    [
      'nft that hangs',
      'nftables',
      { programs: { nft: { kind: 'timeout' } } },
      '',
      /problem: .*does not answer/,
    ],
    [
      'no bridge',
      'bridges',
      { list: async () => ['lo', 'eth0'], stats: {} },
      '',
      /problem: .*no Linux bridge/,
    ],
    [
      'SELinux enforcing',
      'selinux',
      { files: { '/sys/fs/selinux/enforce': text('1') } },
      '',
      /warning: .*SELinux/,
    ],
  ];

  it('a QEMU that goes on again is no finding', async () => {
    const found = await findings(standingStill('S'));
    expect(found.map(({ check }) => check)).not.toContain('standstill');
  });

  it.each(stories)('%s', async (_story, check, world, config, expected) => {
    expect(await finding(check, world, { config })).toMatch(expected);
  });

  it('with the agent down, its ports must be free, and it says how to start it', async () => {
    const down = { agentRunning: false };
    expect(await finding('ports', {}, down)).toMatch(/^ok: .*is free/);
    expect(await finding('ports', { tryListen: async () => 'in-use' }, down)).toMatch(
      /problem: .*another program/,
    );
    expect(await finding('control', {}, down)).toMatch(/problem: .*systemctl start barter/);
  });

  it('of what only root may see it says so instead of guessing', async () => {
    const world: World = {
      isRoot: false,
      stats: { '/etc/barter/host.key': undefined as never },
      files: { '/var/lib/barter/roster.json': { kind: 'forbidden' } },
      mayWrite: async () => false,
      programs: { nft: ran(1, '', 'Operation not permitted') },
      tryListen: async () => 'in-use',
    };
    const found = await findings(world);
    expect(found.filter(({ level }) => level === 'problem')).toEqual([]);
    expect(found.filter(({ message }) => /root/.test(message)).map(({ check }) => check)).toEqual([
      'state',
      'key',
      'roster',
      'nftables',
    ]);
  });

  it('a simulated host is not asked for libvirt, bridges or nftables', async () => {
    const found = await findings({}, { config: 'hypervisor: { kind: simulated }' });
    const checks = found.map(({ check }) => check);
    for (const check of ['libvirt', 'kvm', 'bridges', 'nftables'])
      expect(checks).not.toContain(check);
  });

  it('a check that throws or hangs is a finding, and costs the others nothing', async () => {
    const checks: readonly Check[] = [
      { name: 'throws', run: () => Promise.reject(new Error('no such thing')) },
      {
        name: 'bug',
        run: () => {
          throw new Error('a bug');
        },
      },
      { name: 'hangs', run: () => new Promise(() => undefined) },
      { name: 'well', run: () => [{ level: 'ok', message: 'well' }] },
    ];
    const examination = { config: configured(), probes: host(), agentRunning: true };
    expect(
      (await examine(examination, checks)).map(({ check, level }) => `${check} ${level}`),
    ).toEqual(['throws warning', 'bug warning', 'hangs warning', 'well ok']);
  });

  it('every check has a name of its own', () => {
    expect(new Set(allChecks.map(({ name }) => name)).size).toBe(allChecks.length);
  });
});
