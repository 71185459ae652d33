/** Cluster files: JSON that follows the schema nearly. What is accepted must be written back the same. */

import {
  formatClusterFile,
  parseClusterFile,
} from '../../../packages/sim/src/world/cluster-file.ts';
import type { Cluster } from '../../../packages/sim/src/world/cluster-model.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const cluster = {
  version: 1,
  distance: [0, 1, 3, 5],
  hosts: [
    { id: 'h0', memoryBytes: 1e10, vcpus: 4, nicBitsPerSecond: 1e10, location: ['p', 'r'] },
    { id: 'h1', memoryBytes: 1e10, vcpus: 4, nicBitsPerSecond: 1e10, location: [] },
  ],
  domains: [
    { id: 'a', host: 'h0', memoryBytes: 1e9, vcpus: 1, cpu: 0.5, policy: { keepApart: 'g' } },
    { id: 'b', host: 'h1', memoryBytes: 1e9, vcpus: 1, policy: { pin: ['h1'], frozen: true } },
  ],
  traffic: [
    { a: 'a', b: 'b', bitsPerSecond: 1e6 },
    { a: 'a', b: 'external', bitsPerSecond: 5 },
  ],
  timeline: [
    {
      atSeconds: 6,
      traffic: [{ a: 'a', b: 'b', bitsPerSecond: 0 }],
      domains: [{ id: 'a', cpu: 1 }],
    },
  ],
};
const good = JSON.stringify(cluster);
const words = [
  ...new Set(good.match(/[A-Za-z]+/g) ?? []),
  '-1',
  '0',
  '1e308',
  '1e309',
  '9007199254740993',
  '[]',
  '{}',
  'null',
  'true',
  '"a"',
  '"h0",',
  ',',
];

export const prepare: Prepare = async () => {
  if (!parseClusterFile(good).ok) throw new Error('the good cluster file is refused');
  return target<string>({
    name: 'cluster-file',
    bytesPerByte: 1000,
    make: (dice) => mutateText(dice, good, good, words, 256 * 1024),
    read(text) {
      const read = parseClusterFile(text);
      if (!read.ok) {
        if (read.problems.length === 0) broken('a refusal names what is wrong');
        return;
      }
      check(read.value);
      const again = parseClusterFile(formatClusterFile(read.value));
      if (!again.ok) return broken(`what is read can be written and read again: ${again.message}`);
      if (JSON.stringify(again.value) !== JSON.stringify(read.value))
        broken('it reads back the same');
    },
  });
};

function check({ hosts, domains, traffic }: Cluster): void {
  const ids = new Set(hosts.map(({ id }) => id));
  for (const domain of domains) if (!ids.has(domain.host)) broken('every domain is on a host');
  for (const { bitsPerSecond } of traffic)
    if (!Number.isFinite(bitsPerSecond) || bitsPerSecond < 0) broken('rates are finite');
}
