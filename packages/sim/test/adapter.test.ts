import type { DomainId, HostId, Message, SettlementId } from '@barter/core';
import { describe, expect, it } from 'vitest';
import { clockContract, randomContract } from '../../../test/contract/clock-random.ts';
import { hypervisorContract } from '../../../test/contract/hypervisor.ts';
import { journalContract } from '../../../test/contract/journal.ts';
import { trafficProbeContract } from '../../../test/contract/traffic-probe.ts';
import { transportContract } from '../../../test/contract/transport.ts';
import {
  SimClock,
  SimHypervisor,
  SimJournal,
  SimNetwork,
  SimRandom,
  SimTrafficProbe,
  type World,
} from '../src/index.ts';
import { exampleDocument, exampleWorld } from './example-cluster.ts';

/** Drives the world until the promise is settled. */
async function driving<Value>(world: World, promise: Promise<Value>): Promise<Value> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let step = 0; step < 100_000 && !settled; step++) {
    // Whoever was told of an event acts on it before time goes on.
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    if (!settled) world.advanceTo(world.nowMs() + 10);
  }
  return await promise;
}

hypervisorContract('simulated', async () => {
  const world = exampleWorld();
  const hypervisor = new SimHypervisor(world, 'h0');
  return {
    hypervisor,
    domain: 'vm0' as DomainId,
    passing: (promise) => driving(world, promise),
    shutDown: async (domain) => world.shutDown(domain),
    start: async (domain) => world.startOn(domain, 'h0'),
    migration: {
      target: 'h1' as HostId,
      nowhere: 'h9' as HostId,
      runsAtTarget: async (domain) => world.presence('h1', domain).state === 'running',
      atTarget: new SimHypervisor(world, 'h1'),
      async leaveBehind(domain) {
        world.failNext({ kind: 'libvirt-died', side: 'source', handedOver: false }, domain);
        const order = { settlement: 's' as SettlementId, domain, target: 'h1' as HostId };
        await driving(
          world,
          hypervisor.migrate({ ...order, leaseMs: 30_000 }, () => {}),
        );
        world.setReachable('h0', true);
      },
    },
    reach: {
      cut: async () => world.setReachable('h0', false),
      mend: async () => world.setReachable('h0', true),
    },
    close: async () => {},
  };
});

trafficProbeContract('simulated', async () => {
  const world = exampleWorld();
  world.setTraffic(exampleDocument().traffic.map((pair) => ({ ...pair, bitsPerSecond: 0 })));
  const host = 'h2';
  const address = (id: string) => world.domain(id)?.address ?? '';
  const idOf = (wanted: string) => world.domainAt(wanted)?.id ?? '';
  return {
    probe: new SimTrafficProbe(world, host, 10),
    local: [address('vm2'), address('vm3')],
    remote: address('vm0'),
    talk: async (a, b, bitsPerSecond) =>
      world.setTraffic([{ a: idOf(a), b: idOf(b), bitsPerSecond }]),
    tolerance: 0.001,
    pass: async () => world.advanceTo(world.nowMs() + 2000),
    windowPasses: 5,
    restarted: () => new SimTrafficProbe(world, host, 10),
    close: async () => {},
  };
});

transportContract('simulated', async (size) => {
  const world = exampleWorld();
  const network = new SimNetwork(world, new SimRandom(3));
  const hosts = Array.from({ length: size }, (_, index) => `h${index}` as HostId);
  return {
    transports: hosts.map((host) => network.join(host)),
    until: async (condition) => {
      for (let step = 0; step < 1000 && !condition(); step++) {
        world.advanceTo(world.nowMs() + 1);
      }
      if (!condition()) throw new Error(`this never became true: ${condition}`);
    },
    remove: async (host) => network.leave(host),
    close: async () => {},
  };
});

journalContract('the simulated journal', async () => {
  const journal = new SimJournal();
  // A crash of the host leaves its disk as it was.
  return { journal, crash: async () => journal, dispose: async () => {} };
});

clockContract('simulated', () => {
  const clock = new SimClock(1000);
  return {
    clock,
    pass: async (ms) => clock.advanceTo(clock.nowMs() + ms),
    setWall: (byMs) => {
      clock.wallSkewMs += byMs;
    },
  };
});

randomContract('simulated', () => new SimRandom(7));

describe('simulated randomness', () => {
  it('is the same for the same seed and different for another seed or stream', () => {
    const draw = (seed: number, stream: number) => {
      const random = new SimRandom(seed, stream);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw(1, 0)).toEqual(draw(1, 0));
    expect(draw(1, 0)).not.toEqual(draw(2, 0));
    expect(draw(1, 0)).not.toEqual(draw(1, 1));
  });
});

describe('a journal that is made to fail', () => {
  it('keeps nothing of a failed append, and goes on afterwards', async () => {
    const journal = new SimJournal();
    journal.failNext(1);
    const record = { kind: 'home', key: 'a', value: { version: 1 } } as never;
    await expect(journal.append([record])).rejects.toThrow('The disk is full.');
    expect(await journal.load()).toEqual([]);
    await journal.append([record]);
    expect(await journal.load()).toHaveLength(1);
  });
});

describe('a simulated network', () => {
  const [alice, bob] = ['alice', 'bob'] as [HostId, HostId];
  const message = { kind: 'commit', deal: 'd1' } as Message;

  function stage(options: ConstructorParameters<typeof SimNetwork>[2] = {}, seed = 1) {
    const world = exampleWorld();
    const network = new SimNetwork(world, new SimRandom(seed), options);
    const received: { from: HostId; message: Message; atMs: number }[] = [];
    const transport = network.join(alice);
    network.join(bob).onMessage((from, received_) => {
      received.push({ from, message: received_, atMs: world.nowMs() });
    });
    return { world, network, transport, received };
  }

  it('delivers after its latency, and not before', () => {
    const { world, transport, received } = stage({ latencyMs: [5, 10] });
    transport.send(bob, message);
    world.advanceTo(4.9);
    expect(received).toEqual([]);
    world.advanceTo(10);
    expect(received).toMatchObject([{ from: alice, message }]);
  });

  it('loses, repeats and reorders as asked, the same way for the same seed', () => {
    const run = (seed: number) => {
      const { world, transport, received } = stage({ loss: 0.2, repetition: 0.2 }, seed);
      for (let index = 0; index < 200; index++) {
        transport.send(bob, { kind: 'commit', deal: `d${index}` } as Message);
      }
      world.advanceTo(1000);
      return received.map((entry) => (entry.message as { deal: string }).deal);
    };
    const deals = run(1);
    expect(new Set(deals).size).toBeLessThan(200);
    expect(deals.length).toBeGreaterThan(new Set(deals).size);
    const inOrder = [...deals].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
    expect(deals).not.toEqual(inOrder);
    expect(run(1)).toEqual(deals);
    expect(run(2)).not.toEqual(deals);
  });

  it('a cut is one way, and breaks what is under way', () => {
    const { world, network, transport, received } = stage();
    transport.send(bob, message);
    network.cut(alice, bob, true);
    world.advanceTo(100);
    expect(received).toEqual([]);
    expect(network.connected(alice, bob)).toBe(false);
    network.cut(alice, bob, false);
    transport.send(bob, message);
    world.advanceTo(200);
    expect(received).toHaveLength(1);
  });

  it('a host that restarts does not get what was sent to its earlier life', () => {
    const { world, network, transport, received } = stage();
    transport.send(bob, message);
    const late: Message[] = [];
    network.join(bob).onMessage((_from, entry) => late.push(entry));
    world.advanceTo(100);
    expect([...received, ...late]).toEqual([]);
  });

  it('tells everybody who is connected', () => {
    const { world, network, transport } = stage();
    const peers: string[] = [];
    transport.onPeers((list) => {
      peers.push(list.map((peer) => `${peer.host}:${peer.connected}`).join());
    });
    network.join('carol' as HostId);
    world.advanceTo(100);
    network.leave(bob);
    world.advanceTo(200);
    expect(peers[0]).toBe('bob:true');
    expect(peers.slice(-2)).toEqual(['bob:true,carol:true', 'bob:false,carol:true']);
  });
});
