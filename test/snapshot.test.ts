import { describe, expect, it } from 'vitest';
import type {
  Json,
  PeerNetwork,
  RequestHandler,
} from '../packages/agent/src/network/peer-network.ts';
import { failure, type Result, success } from '../packages/agent/src/result.ts';
import { answerSnapshots, snapshotView } from '../packages/agent/src/snapshot.ts';
import type { HostId, HostState } from '../packages/core/src/index.ts';
import {
  type Cluster,
  formatClusterFile,
  parseCluster,
  parseClusterFile,
  SimCluster,
} from '../packages/sim/src/index.ts';

const GiB = 2 ** 30;

const document = {
  version: 1,
  distance: [0, 1, 3, 5],
  hosts: ['kvm1', 'kvm2', 'kvm3'].map((id, index) => ({
    id,
    memoryBytes: 16 * GiB,
    vcpus: 8,
    nicBitsPerSecond: 1e10,
    location: ['pod1', index < 2 ? 'rack1' : 'rack2'],
  })),
  domains: Array.from({ length: 9 }, (_, index) => ({
    id: `vm${index}`,
    host: `kvm${1 + (index % 3)}`,
    memoryBytes: 2 * GiB,
    vcpus: 2,
    cpu: 0.25 * index,
    dirtyBytesPerSecond: 1e6,
    policy: index === 4 ? { pin: ['kvm2', 'kvm1'] } : index === 5 ? { frozen: true } : {},
  })),
  traffic: [
    { a: 'vm0', b: 'vm1', bitsPerSecond: 40e6 },
    { a: 'vm2', b: 'vm7', bitsPerSecond: 3e6 },
    { a: 'external', b: 'vm8', bitsPerSecond: 5e6 },
  ],
};

/** The peer network between simulated agents, as far as a snapshot needs it. */
class Members {
  readonly #handlers = new Map<HostId, Map<string, RequestHandler>>();
  readonly #hosts: readonly HostId[];
  asked = 0;
  /** Answers instead of the host's own agent. */
  readonly instead = new Map<string, (body: Json) => Result<Json>>();

  constructor(hosts: readonly HostId[]) {
    this.#hosts = hosts;
  }

  of(self: HostId): PeerNetwork {
    const handlers = new Map<string, RequestHandler>();
    this.#handlers.set(self, handlers);
    return {
      self,
      onRequest: (name: string, handler: RequestHandler) => handlers.set(name, handler),
      peers: () =>
        this.#hosts.filter((host) => host !== self).map((host) => ({ host, connected: true })),
      roster: () => this.#hosts.map((host) => ({ host, name: host, addresses: [] })),
      request: async (to: HostId, name: string, body: Json) => {
        this.asked += 1;
        const stranger = this.instead.get(to);
        if (stranger !== undefined) return stranger(body);
        const handler = this.#handlers.get(to)?.get(name);
        return handler === undefined
          ? failure('unknown-request', `This host answers no request "${name}".`)
          : handler(self, JSON.parse(JSON.stringify(body)));
      },
    } as unknown as PeerNetwork;
  }
}

function observed(cluster: Cluster) {
  // Agents that only look: what they see must be what is there.
  const sim = new SimCluster(cluster, { mode: 'observe' });
  sim.runUntil(90_000);
  const members = new Members(sim.hosts.map(({ id }) => id));
  const networks = sim.hosts.map((host) => {
    const network = members.of(host.id);
    answerSnapshots(network, () => host.state as HostState);
    return network;
  });
  const first = sim.hosts[0]?.state as HostState;
  return { members, gather: () => snapshotView(first, networks[0] as PeerNetwork) };
}

function parsed(value: unknown): Cluster {
  const result = parseCluster(value);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

describe('a snapshot', () => {
  it('of a cluster made from a file is that file: whoever takes it asks every member', async () => {
    const cluster = parsed(document);
    const { gather } = observed(cluster);
    const { cluster: seen, missing } = await gather();
    expect(missing).toEqual([]);
    const read = parseClusterFile(formatClusterFile(seen as unknown as Cluster));
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    const { hosts, domains, traffic } = read.value;
    expect(hosts).toMatchObject(cluster.hosts as object[]);
    const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1);
    expect([...domains].sort(byId)).toEqual([...cluster.domains].sort(byId));
    const rates = new Map(traffic.map(({ a, b, bitsPerSecond }) => [`${a} ${b}`, bitsPerSecond]));
    expect([...rates.keys()].sort()).toEqual(['vm0 vm1', 'vm2 vm7', 'vm8 external']);
    expect(rates.get('vm0 vm1')).toBeCloseTo(40e6, -5);
    expect(rates.get('vm8 external')).toBeCloseTo(5e6, -5);
  });

  it('goes on in pages where one answer cannot hold a host', async () => {
    const name = (index: number) => `${'long-'.repeat(40)}${index}`;
    const many = {
      ...document,
      domains: Array.from({ length: 60 }, (_, index) => ({
        id: name(index),
        host: index < 30 ? 'kvm1' : 'kvm2',
        memoryBytes: GiB / 4,
        vcpus: 1,
      })),
      traffic: Array.from({ length: 60 * 30 }, (_, index) => ({
        a: name(index % 60),
        b: name((index + 1 + Math.floor(index / 60)) % 60),
        bitsPerSecond: 1e5,
      })),
    };
    const { gather, members } = observed(parsed(many));
    const { cluster, missing } = await gather();
    expect(missing).toEqual([]);
    expect(members.asked, 'more than one page of kvm2, one of kvm3').toBeGreaterThan(2);
    expect(cluster.domains).toHaveLength(60);
    expect(parseCluster(cluster).ok).toBe(true);
  });

  it('says who is missing, and takes no nonsense; their VMs count as outside', async () => {
    const { gather, members } = observed(parsed(document));
    members.instead.set('kvm2', () =>
      failure('unreachable', 'kvm2 is not connected to this host.'),
    );
    members.instead.set('kvm3', () => success({ host: { id: 'kvm1' }, domains: 'all of them' }));
    const { cluster, missing } = await gather();
    expect(missing).toEqual([
      { host: 'kvm2', reason: 'kvm2 is not connected to this host.' },
      { host: 'kvm3', reason: 'it answered something that is not a part of a snapshot' },
    ]);
    expect(cluster.hosts.map(({ id }) => id)).toEqual(['kvm1']);
    expect(cluster.traffic.map(({ a, b }) => [a, b])).toEqual([['vm0', 'external']]);
    expect(parseCluster(cluster).ok).toBe(true);
  });

  it('does not follow a member whose pages never end, or who speaks for another', async () => {
    const { gather, members } = observed(parsed(document));
    const host = (id: string) => ({
      id,
      name: id,
      location: [],
      memoryBytes: 1,
      memoryLimitBytes: 1,
      vcpus: 1,
      vcpuLimit: 1,
      nicBitsPerSecond: 1,
    });
    members.instead.set('kvm2', () => success({ host: host('kvm2'), domains: [], next: 0 }));
    members.instead.set('kvm3', () => success({ host: host('kvm2'), domains: [], next: null }));
    expect((await gather()).missing.map(({ reason }) => reason)).toEqual([
      'its answer does not come to an end',
      'it spoke for another host',
    ]);
  });
});
