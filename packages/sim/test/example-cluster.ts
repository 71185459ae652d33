/** A small cluster file for tests: two racks, three hosts, four domains. */

import { parseCluster, World } from '../src/index.ts';

export const GiB = 1024 ** 3;

export function exampleDocument() {
  return {
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: [
      { id: 'h0', memoryBytes: 8 * GiB, vcpus: 4, nicBitsPerSecond: 1e10, location: ['p0', 'r0'] },
      { id: 'h1', memoryBytes: 8 * GiB, vcpus: 4, nicBitsPerSecond: 1e10, location: ['p0', 'r0'] },
      { id: 'h2', memoryBytes: 8 * GiB, vcpus: 4, nicBitsPerSecond: 1e10, location: ['p1', 'r0'] },
    ],
    domains: [
      { id: 'vm0', host: 'h0', memoryBytes: 2 * GiB, vcpus: 1, cpu: 0.5 },
      { id: 'vm1', host: 'h1', memoryBytes: 2 * GiB, vcpus: 1, dirtyBytesPerSecond: 1e6 },
      { id: 'vm2', host: 'h2', memoryBytes: 2 * GiB, vcpus: 1, policy: { keepApart: 'db' } },
      { id: 'vm3', host: 'h2', memoryBytes: 4 * GiB, vcpus: 2 },
    ],
    traffic: [
      { a: 'vm0', b: 'vm1', bitsPerSecond: 8_000_000 },
      { a: 'vm0', b: 'vm2', bitsPerSecond: 1_000_000 },
      { a: 'vm2', b: 'vm3', bitsPerSecond: 4_000_000 },
      { a: 'vm3', b: 'external', bitsPerSecond: 2_000_000 },
    ],
    timeline: [{ atSeconds: 10, traffic: [{ a: 'vm0', b: 'vm1', bitsPerSecond: 0 }] }],
  };
}

/** The same come to life, with nothing that changes by itself; `change` may alter the file before. */
export function exampleWorld(change = (_: ReturnType<typeof exampleDocument>) => {}): World {
  const document = exampleDocument();
  document.timeline = [];
  change(document);
  const cluster = parseCluster(document);
  if (!cluster.ok) throw new Error(cluster.message);
  return new World(cluster.value);
}
