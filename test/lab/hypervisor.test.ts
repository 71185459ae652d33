/**
 * The hypervisor contract on real libvirtds and QEMUs, migrations included. The bytes of a migration go through
 * plain pipes of this process: the mover has its own tests.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { LibvirtHypervisor } from '@barter/agent/hypervisor/libvirt-hypervisor.ts';
import type { MigrationPath } from '@barter/agent/migration-path.ts';
import type { DomainId, HostId } from '@barter/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HypervisorStage, hypervisorContract } from '../contract/hypervisor.ts';
import { noMovers } from '../contract/no-movers.ts';
import { downLab } from './down.ts';
import type { Lab } from './lab.ts';
import { isAlive, signal, until } from './process.ts';
import { whyNoLab } from './requirements.ts';
import { upLab } from './up.ts';

const why = whyNoLab();
if (why !== undefined) console.warn(`hypervisor tests on QEMU skipped: ${why}`);

const name = `t-hypervisor-${process.pid}`;
const socketDirectory = '/run/hypervisor-test';
/** Slow enough for an abort to find something under way. */
const bandwidthBytesPerSecond = 40 * 1024 * 1024;

type Pipe = Readonly<{ end(): void }>;

function pipe(from: string, to: string): Promise<Pipe> {
  rmSync(from, { force: true });
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: to, allowHalfOpen: true });
    const endBoth = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', endBoth);
      socket.on('close', () => open.delete(socket));
    }
    near.pipe(far);
    far.pipe(near);
  });
  const end = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return new Promise((resolve) => server.listen(from, () => resolve({ end })));
}

describe.skipIf(why !== undefined)('on QEMU', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await upLab({ name, hosts: 2, domains: 2, agents: false });
  }, 180_000);
  afterAll(() => downLab(name), 60_000);

  function open(host: string, path: MigrationPath): Promise<LibvirtHypervisor> {
    const holder = lab.host(host).holder?.pid;
    return LibvirtHypervisor.open({
      socketPath: lab.libvirtSocket(host),
      log: { log: () => {} },
      door: { close: async () => {}, evidence: async () => ({ kind: 'opened' }) },
      way: noMovers,
      path,
      options: {
        limits: {
          memoryBytes: null,
          vcpus: null,
          nicBitsPerSecond: 1e9,
          memoryOvercommit: 1,
          cpuOvercommit: 16,
          headroom: 0.1,
        },
        migration: { bandwidthBytesPerSecond, downtimeMaxMs: 300, pollMs: 50, askEveryMs: 200 },
        // This process is in no host; what a host's network looks like, its holder shows.
        paths: { proc: '/proc', sys: '/sys', networkDevices: `/proc/${holder}/net/dev` },
      },
    });
  }

  /** Asks the target as its agent would, and joins the sockets of both hosts. */
  function pathFrom(
    source: string,
    targets: ReadonlyMap<string, LibvirtHypervisor>,
  ): MigrationPath {
    return {
      async open(order, facts) {
        const target = targets.get(order.target);
        if (target === undefined)
          return { ok: false, code: 'unreachable', message: `There is no host ${order.target}.` };
        const checked = await target.checkArrival(facts);
        if (!checked.ok) return checked;
        const libvirt = `${socketDirectory}/${order.target}.sock`;
        const memory = `${socketDirectory}/${order.settlement}.sock`;
        for (const host of [source, order.target])
          mkdirSync(lab.path(host, socketDirectory), { recursive: true });
        const pipes = [
          await pipe(lab.path(source, libvirt), lab.libvirtSocket(order.target)),
          await pipe(lab.path(source, memory), lab.path(order.target, memory)),
        ];
        const close = async () => {
          for (const one of pipes) one.end();
        };
        const destinationUri = `qemu+unix:///system?socket=${libvirt}`;
        return { ok: true, value: { destinationUri, migrateUri: `unix://${memory}`, close } };
      },
    };
  }

  const nobody: MigrationPath = {
    open: async () => ({ ok: false, code: 'unreachable', message: 'This is a target only.' }),
  };

  async function stage(): Promise<HypervisorStage> {
    const placement = await lab.placement();
    const source = placement.vm1 ?? 'h1';
    const target = source === 'h1' ? 'h2' : 'h1';
    const arriving = await open(target, nobody);
    const hypervisor = await open(source, pathFrom(source, new Map([[target, arriving]])));
    const byHand = async (command: string) => {
      const result = await lab.virsh(source, command, 'vm1');
      expect(result.stderr.trim()).toBe('');
    };
    return {
      hypervisor,
      domain: lab.guest('vm1').uuid as DomainId,
      passing: (promise) => promise,
      shutDown: () => byHand('destroy'),
      start: () => byHand('start'),
      migration: {
        target: target as HostId,
        nowhere: 'h9' as HostId,
        runsAtTarget: async (domain) => (await arriving.inspect(domain)).state === 'running',
        atTarget: arriving,
        leaveBehind: (domain) => leaveBehind(source, target, hypervisor, domain),
      },
      async close() {
        await arriving.close();
        const now = await lab.placement();
        if (typeof now.vm1 === 'string') return;
        const started = await lab.virsh(source, 'start', 'vm1');
        if (started.code !== 0) await lab.bootGuest('vm1', source);
      },
    };
  }

  /** The target's libvirtd stands still while memory comes; when all of it is there, both libvirtds are killed. */
  async function leaveBehind(
    source: string,
    target: string,
    hypervisor: LibvirtHypervisor,
    domain: DomainId,
  ): Promise<void> {
    const order = { settlement: 'left' as never, domain, target: target as HostId };
    let isFrozen = false;
    const result = hypervisor.migrate({ ...order, leaseMs: 30_000 }, ({ bytesSent }) => {
      const libvirtd = lab.host(target).libvirtd;
      if (isFrozen || bytesSent === 0 || !isAlive(libvirtd)) return;
      isFrozen = true;
      signal(libvirtd, 'SIGSTOP');
    });
    const isSent = async () => {
      const { stdout } = await lab.virsh(source, 'domstate', '--reason', 'vm1');
      return isFrozen && stdout.includes('paused (migrating)');
    };
    await until('vm1 to stand still', isSent, 60_000, 50);
    // The last of it is on its way, and then the order to run it, which nobody reads.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await lab.killLibvirtd(source);
    await lab.killLibvirtd(target);
    await lab.startLibvirtd(target);
    await lab.startLibvirtd(source);
    expect((await result).outcome).toBe('unknown');
  }

  hypervisorContract('libvirt on QEMU', stage);

  test('autostart and policy travel with the domain, and the source keeps neither', async () => {
    const { hypervisor, domain, migration, close } = await stage();
    if (migration === undefined) throw new Error('the lab has two hosts');
    const source = (await lab.placement()).vm1 ?? '';
    await lab.virsh(source, 'autostart', 'vm1');
    const policy = { pin: ['h1', 'h2'], keepApart: 'a & b' };
    const set = await (hypervisor as LibvirtHypervisor).setPolicy(domain, policy);
    expect(set.ok).toBe(true);
    const order = { settlement: 'travel' as never, domain, target: migration.target };
    const result = await hypervisor.migrate({ ...order, leaseMs: 30_000 }, () => {});
    expect(result).toMatchObject({ outcome: 'moved' });
    const there = await open(migration.target, nobody);
    const seen = (await there.sample()).domains.find((one) => one.domain === domain);
    expect(seen).toMatchObject({ state: 'running', traits: { policy } });
    const info = await lab.virsh(migration.target, 'dominfo', 'vm1');
    expect(info.stdout).toMatch(/^Autostart:\s+enable$/m);
    expect((await lab.virsh(source, 'list', '--all', '--name')).stdout).not.toContain('vm1');
    await there.setPolicy(domain, {});
    await lab.virsh(migration.target, 'autostart', '--disable', 'vm1');
    await there.close();
    await hypervisor.close();
    await close();
  }, 60_000);

  test('a guest with a disk that only this host has is blocked, with libvirt’s reason', async () => {
    const hypervisor = await open('h1', nobody);
    const image = '/run/local.img';
    await lab.exec('h1', ['truncate', '-s', '1M', image]);
    const xml = `<domain type='qemu'><name>local</name><memory unit='MiB'>16</memory>
      <os><type arch='x86_64' machine='pc'>hvm</type></os>
      <devices><disk type='file' device='disk'><driver name='qemu' type='raw'/>
      <source file='${image}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;
    await lab.exec('h1', ['sh', '-c', 'cat > /run/local.xml'], { input: xml });
    const created = await lab.virsh('h1', 'create', '/run/local.xml');
    expect(created.stderr.trim()).toBe('');
    try {
      const local = (await hypervisor.sample()).domains.find((one) => one.traits.name === 'local');
      expect(local?.blocked).toMatch(/^libvirt: .*unsafe/i);
    } finally {
      await lab.virsh('h1', 'destroy', 'local');
      await hypervisor.close();
    }
  }, 60_000);
});
