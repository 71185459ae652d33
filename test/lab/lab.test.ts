/**
 * The lab itself, on this machine's real libvirt and QEMU: built, looked at, interfered with, crashed and
 * taken away.
 */

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { libvirtContract } from '../contract/libvirt.ts';
import { downLab } from './down.ts';
import type { Lab } from './lab.ts';
import { processesIn } from './network.ts';
import { endAll, identify, isAlive, type ProcessRecord, run, until } from './process.ts';
import { accelerator, whyNoLab } from './requirements.ts';
import { type LabState, labDirectory, readState, writeState } from './state.ts';
import { movedByHand } from './stories/by-hand.ts';
import { killedAgents } from './stories/crash.ts';
import { peerStatus } from './stories/peer-status.ts';
import { storySettings } from './stories/steps.ts';
import { strangersStayOut } from './stories/stranger.ts';
import { fullHostsSwap } from './stories/swap.ts';
import { pairsComeTogether } from './stories/together.ts';
import { upLab } from './up.ts';

const why = whyNoLab();
if (why !== undefined) console.warn(`lab tests skipped: ${why}`);

/** Other labs may be up on this machine. */
const name = (what: string) => `t-${what}-${process.pid}`;

describe.skipIf(why !== undefined)('a lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await upLab({ name: name('own'), hosts: 2, domains: 2, agents: false });
  }, 180_000);

  afterAll(async () => {
    await downLab(name('own'));
  }, 60_000);

  test('its status comes from the libvirtds and the guests', async () => {
    const status = await lab.status();
    expect(status.hosts).toEqual([
      { id: 'h1', address: '10.77.0.1', agent: 'down', libvirt: 'up' },
      { id: 'h2', address: '10.77.0.2', agent: 'down', libvirt: 'up' },
    ]);
    expect(status.domains.map(({ id, host, talksTo }) => ({ id, host, talksTo }))).toEqual([
      { id: 'vm1', host: 'h1', talksTo: ['vm2'] },
      { id: 'vm2', host: 'h2', talksTo: ['vm1'] },
    ]);
    expect(status.networkCost).toBe(10_000_000);
  });

  test('each host has its own name, network and libvirt, and no way out', async () => {
    expect((await lab.exec('h2', ['hostname'])).stdout).toBe('h2\n');
    expect((await lab.virsh('h2', '-q', 'list', '--name')).stdout.trim()).toBe('vm2');
    expect((await lab.exec('h1', ['ip', 'route', 'get', '192.0.2.1'])).code).not.toBe(0);
    const links = await lab.exec('h1', ['ls', '/sys/class/net']);
    expect(links.stdout.split(/\s+/)).toEqual(expect.arrayContaining(['br0', 'lo', 'up0']));
    expect(links.stdout).not.toContain('sw0');
  });

  test('building it a second time changes nothing; with another shape it is refused', async () => {
    const before = await lab.placement();
    const again = await upLab({ name: name('own'), hosts: 2, domains: 2, agents: false });
    expect(again.state).toEqual(readState(name('own')));
    expect(await again.placement()).toEqual(before);
    const other = upLab({ name: name('own'), hosts: 3, domains: 2, agents: false });
    await expect(other).rejects.toThrow(/is up with 2 hosts and 2 domains; run down first/);
  });

  test('a guest moved with virsh takes its connections along', async () => {
    const before = await lab.counters('vm1');
    await lab.migrateByHand('vm1', 'h2');
    expect((await lab.status()).domains).toMatchObject([
      { id: 'vm1', host: 'h2', connectionsLost: 0, connected: true },
      { id: 'vm2', host: 'h2', connectionsLost: 0, connected: true },
    ]);
    expect((await lab.status()).networkCost).toBe(0);
    const received = before?.peers[0]?.receivedBytes ?? Number.NaN;
    await until(
      'vm1 to receive at its new place',
      async () => ((await lab.counters('vm1'))?.peers[0]?.receivedBytes ?? 0) > received,
      20_000,
    );
    expect((await lab.counters('vm1'))?.peers[0]).toMatchObject({ connectionsOpened: 2 });
    await lab.migrateByHand('vm1', 'h1');
  }, 120_000);

  test('a domain that runs on two hosts, or on none, does not go unseen', async () => {
    const xml = await lab.virsh('h1', 'dumpxml', 'vm1');
    await lab.exec('h2', ['sh', '-c', 'cat > /run/second.xml'], { input: xml.stdout });
    expect((await lab.virsh('h2', 'create', '--paused', '/run/second.xml')).code).toBe(0);
    expect(await statusOf('vm1')).toMatchObject({ host: 'h1' });
    await lab.virsh('h2', 'resume', 'vm1');
    expect(await statusOf('vm1')).toMatchObject({
      host: null,
      copies: [
        { host: 'h1', state: 'running' },
        { host: 'h2', state: 'running' },
      ],
    });
    await lab.virsh('h2', 'destroy', 'vm1');
    await lab.powerOff('vm1');
    const off = async () => (await statusOf('vm1'))?.copies[0]?.state === 'shut off';
    await until('vm1 to be off', off, 30_000);
    expect(await statusOf('vm1')).toMatchObject({ host: null, receivedBytes: null });
    expect((await lab.status()).networkCost).toBe(0);
  }, 120_000);

  test('a connection that breaks is counted', async () => {
    expect((await lab.counters('vm2'))?.peers[0]).toMatchObject({ connectionsLost: 0 });
    await lab.bootGuest('vm1');
    await lab.guestsConnected(60_000);
    expect((await lab.counters('vm2'))?.peers[0]?.connectionsLost).toBeGreaterThan(0);
  }, 120_000);

  test('a shaped uplink carries what it is told to, and no more', async () => {
    await lab.setPairRate('vm1', 'vm2', 40_000_000);
    expect((await lab.status()).networkCost).toBe(40_000_000);
    await lab.shapeUplink('h1', 4_000_000);
    const rate = await receivedBitsPerSecond('vm2', 4_000);
    expect(rate).toBeGreaterThan(1_000_000);
    expect(rate).toBeLessThan(8_000_000);
    await lab.shapeUplink('h1', null);
    await lab.setPairRate('vm1', 'vm2', 10_000_000);
  }, 60_000);

  async function statusOf(id: string) {
    return (await lab.status()).domains.find((domain) => domain.id === id);
  }

  /** By the guest's own clock, so that a slow reading does not count. */
  async function receivedBitsPerSecond(guest: string, forMs: number): Promise<number> {
    const first = await lab.counters(guest);
    let last = first;
    const longEnough = async () => {
      last = await lab.counters(guest);
      return (last?.uptimeMs ?? 0) - (first?.uptimeMs ?? 0) >= forMs;
    };
    await until(`${guest} to count`, longEnough, 10 * forMs);
    const bytes = (last?.peers[0]?.receivedBytes ?? 0) - (first?.peers[0]?.receivedBytes ?? 0);
    return (bytes * 8000) / ((last?.uptimeMs ?? 0) - (first?.uptimeMs ?? 0));
  }

  libvirtContract('the libvirt client on QEMU', async () => ({
    socketPath: lab.libvirtSocket('h1'),
    uri: 'qemu:///system',
    domainXml: (domain, uuid) => `<domain type='${accelerator() === 'kvm' ? 'kvm' : 'qemu'}'>
      <name>${domain}</name><uuid>${uuid}</uuid><memory unit='MiB'>16</memory>
      <os><type arch='x86_64' machine='pc'>hvm</type></os>
      <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
    </domain>`,
    supports: { cpuStatistics: true, jobStatistics: true, capabilities: true },
    killAndRestart: {
      kill: () => lab.killLibvirtd('h1'),
      restart: () => lab.startLibvirtd('h1'),
    },
    end: async () => {},
  }));
});

describe.skipIf(why !== undefined)('taking a lab away', () => {
  const moments: Record<string, (state: LabState) => boolean> = {
    'while its hosts start': (state) => state.hosts.some((host) => host.holder !== null),
    'while its guests boot': guestsRun,
  };

  test.for(Object.keys(moments))(
    'leaves nothing when up was killed %s',
    { timeout: 120_000 },
    async (moment) => {
      const lab = name('crash');
      const main = fileURLToPath(new URL('main.ts', import.meta.url));
      const shape = '--hosts 2 --domains 2 --no-agents'.split(' ');
      const options = ['--name', lab, ...shape, '--owner', `${process.pid}`];
      const up = spawn(process.execPath, [main, 'up', ...options], { stdio: 'ignore' });
      const ended = new Promise((resolve) => up.once('exit', resolve));
      try {
        const there = () => {
          const state = readState(lab);
          return state !== undefined && moments[moment]?.(state) === true;
        };
        await until('up to get there', there, 60_000, 5);
      } finally {
        up.kill('SIGKILL');
        await ended;
      }
      const state = readState(lab);
      const processes = state?.hosts.flatMap((host) => processesIn(host.namespace)) ?? [];
      expect(processes.length).toBeGreaterThan(0);

      expect(await downLab(lab)).toBe(true);
      expect(processes.filter(isAlive)).toEqual([]);
      expectNothingLeft(lab);
      expect(await downLab(lab)).toBe(false);
    },
  );

  test('a process that got the PID of one of ours later is left alone', async () => {
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const record = identify(stranger.pid ?? 0) as ProcessRecord;
    expect(isAlive(record)).toBe(true);
    const reused = { ...record, startTicks: record.startTicks - 1 };
    await endAll([reused], 0);
    expect(isAlive(record)).toBe(true);

    const lab = await upLab({ name: name('pid'), hosts: 1, domains: 0, agents: false });
    const host = lab.state.hosts[0];
    if (host) host.agent = reused;
    writeState(lab.state);
    expect((await lab.status()).hosts[0]?.agent).toBe('down');
    await lab.down();
    expect(isAlive(record)).toBe(true);
    expectNothingLeft(name('pid'));
    stranger.kill('SIGKILL');
  }, 60_000);

  test("a namespace of that name that is somebody else's is neither used nor removed", async () => {
    const lab = name('taken');
    const namespace = `${lab}-h1`;
    await run(['ip', 'netns', 'add', namespace]);
    try {
      const up = upLab({ name: lab, hosts: 1, domains: 0, agents: false });
      await expect(up).rejects.toThrow(/choose another --name/);
      await downLab(lab);
      expect(existsSync(`/run/netns/${namespace}`)).toBe(true);
    } finally {
      await run(['ip', 'netns', 'del', namespace]);
    }
    expectNothingLeft(lab);
  });
});

describe.skipIf(why !== undefined)('agents that barter real guests', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await upLab({
      name: name('stories'),
      hosts: 3,
      domains: 6,
      guestsPerHost: 3,
      settings: storySettings,
    });
  }, 300_000);

  afterAll(async () => {
    await downLab(name('stories'));
  }, 60_000);

  const labOf = () => lab;
  pairsComeTogether(labOf);
  peerStatus(labOf);
  strangersStayOut(labOf);
  fullHostsSwap(labOf);
  killedAgents(labOf);
  movedByHand(labOf);
});

function guestsRun(state: LabState): boolean {
  const inside = state.hosts.flatMap((host) => processesIn(host.namespace));
  return inside.some(({ pid }) => commandOf(pid).startsWith('qemu-system-x86'));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}

function expectNothingLeft(lab: string): void {
  expect(existsSync(labDirectory(lab))).toBe(false);
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  expect(namespaces.filter((namespace) => namespace.startsWith(`${lab}-`))).toEqual([]);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  expect(mounts.filter((mount) => mount.includes(lab))).toEqual([]);
}
