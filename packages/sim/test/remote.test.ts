import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DomainId, HostId, SettlementId } from '@barter/core';
import { describe, expect, it } from 'vitest';
import { hypervisorContract } from '../../../test/contract/hypervisor.ts';
import { trafficProbeContract } from '../../../test/contract/traffic-probe.ts';
import { connectWorld, WorldServer } from '../src/index.ts';
import { exampleWorld } from './example-cluster.ts';

async function startServer(speed: number, change?: Parameters<typeof exampleWorld>[0]) {
  const directory = await mkdtemp(join(tmpdir(), 'barter-world-'));
  const server = new WorldServer(exampleWorld(change), { directory, speed });
  await server.listen();
  return {
    server,
    stop: async () => {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}

const peer = (host: string) => `peer-of-${host}` as HostId;

hypervisorContract('an agent in a world of another process', async () => {
  const { server, stop } = await startServer(20);
  server.assign(peer('h1'), 'h1');
  const { hypervisor } = await connectWorld({
    socket: server.socketOf('h0'),
    self: peer('h0'),
    smoothingSeconds: 10,
  });
  const there = await connectWorld({
    socket: server.socketOf('h1'),
    self: peer('h1'),
    smoothingSeconds: 10,
  });
  return {
    hypervisor,
    domain: 'vm0' as DomainId,
    passing: (promise) => promise,
    shutDown: async (domain) => server.world.shutDown(domain),
    start: async (domain) => server.world.startOn(domain, 'h0'),
    migration: {
      target: peer('h1'),
      nowhere: peer('h9'),
      runsAtTarget: async (domain) => server.world.presence('h1', domain).state === 'running',
      atTarget: there.hypervisor,
      async leaveBehind(domain) {
        server.world.failNext({ kind: 'libvirt-died', side: 'source', handedOver: false }, domain);
        const order = { settlement: 's' as SettlementId, domain, target: peer('h1') };
        await hypervisor.migrate({ ...order, leaseMs: 30_000 }, () => {});
        server.world.setReachable('h0', true);
      },
    },
    reach: {
      cut: async () => server.world.setReachable('h0', false),
      mend: async () => server.world.setReachable('h0', true),
    },
    close: async () => {
      await there.hypervisor.close();
      await stop();
    },
  };
});

trafficProbeContract('an agent in a world of another process', async () => {
  const { server, stop } = await startServer(200, (document) => {
    for (const pair of document.traffic) pair.bitsPerSecond = 0;
  });
  const address = (id: string) => server.world.domain(id)?.address ?? '';
  const options = { socket: server.socketOf('h2'), self: peer('h2'), smoothingSeconds: 4 };
  const { probe, hypervisor } = await connectWorld(options);
  const again = await connectWorld(options);
  return {
    probe,
    local: [address('vm2'), address('vm3')],
    remote: address('vm0'),
    talk: async (a, b, bitsPerSecond) => {
      const idOf = (wanted: string) => server.world.domainAt(wanted)?.id ?? '';
      server.world.setTraffic([{ a: idOf(a), b: idOf(b), bitsPerSecond }]);
    },
    // A rate is set between two ticks of the world's clock.
    tolerance: 0.3,
    pass: async () => {
      await pause(10);
    },
    windowPasses: 6,
    restarted: () => again.probe,
    close: async () => {
      await hypervisor.close();
      await again.hypervisor.close();
      await stop();
    },
  };
});

describe('a world owned by another process', () => {
  it('reports the progress of a migration to the agent that ordered it', async () => {
    const { server, stop } = await startServer(5);
    const connect = (host: string) =>
      connectWorld({ socket: server.socketOf(host), self: peer(host), smoothingSeconds: 1 });
    const [source, target] = [await connect('h0'), await connect('h1')];
    const order = {
      settlement: 's1' as never,
      domain: 'vm0' as DomainId,
      target: peer('h1'),
      leaseMs: 1000,
    };
    const sent: number[] = [];
    const result = await source.hypervisor.migrate(order, (entry) => sent.push(entry.bytesSent));
    expect(result.outcome).toBe('moved');
    expect(sent.length).toBeGreaterThan(1);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    await source.hypervisor.close();
    await target.hypervisor.close();
    await stop();
  });

  it('when it goes, agents are told once and every call fails', async () => {
    const { server, stop } = await startServer(1);
    let closed = 0;
    const { hypervisor } = await connectWorld({
      socket: server.socketOf('h0'),
      self: peer('h0'),
      smoothingSeconds: 1,
      onClosed: () => closed++,
    });
    const gone = new Promise<void>((resolve) => {
      hypervisor.onEvent((event) => {
        if (event.kind === 'reachable' && !event.reachable) resolve();
      });
    });
    await stop();
    await gone;
    expect(closed).toBe(1);
    await expect(hypervisor.sample()).rejects.toThrow(/world is gone/);
    const order = { settlement: 's', domain: 'vm0', target: peer('h1'), leaseMs: 1 } as never;
    expect((await hypervisor.migrate(order, () => {})).outcome).toBe('unknown');
  });

  it('says what to do when nobody is there', async () => {
    const socket = join(tmpdir(), 'barter-no-such-world.sock');
    const options = { socket, self: peer('h0'), smoothingSeconds: 1 };
    await expect(connectWorld(options)).rejects.toThrow(/start the demo again/);
  });

  it.each([
    ['what is not JSON', 'hello\n'],
    ['an unknown call', '{"id":1,"body":{"call":"format"}}\n'],
    ['a line without end', 'x'.repeat(5 * 1024 * 1024)],
  ])('disconnects an agent that sends %s, and serves the others', async (_name, bytes) => {
    const { server, stop } = await startServer(1);
    const hostile = createConnection(server.socketOf('h0'));
    hostile.on('error', () => {});
    const closed = new Promise((resolve) => hostile.once('close', resolve));
    hostile.write(bytes);
    await closed;
    const { hypervisor } = await connectWorld({
      socket: server.socketOf('h0'),
      self: peer('h0'),
      smoothingSeconds: 1,
    });
    expect((await hypervisor.sample()).domains).toHaveLength(1);
    await hypervisor.close();
    await stop();
  });

  it('an agent process ends when the process that owns the world is killed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'barter-world-'));
    const program = new URL('world-process.ts', import.meta.url).pathname;
    const run = (...args: string[]) =>
      spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const owner = run('owner', directory);
    await once(owner.stdout as NodeJS.ReadableStream, 'data');
    const agent = run('agent', join(directory, 'world-0.sock'));
    await once(agent.stdout as NodeJS.ReadableStream, 'data');
    const ended = once(agent, 'exit');
    owner.kill('SIGKILL');
    expect(await ended).toEqual([7, null]);
    await rm(directory, { recursive: true });
  });
});
