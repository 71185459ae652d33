/** What nft prints: another version's table, a truncated list, somebody else's numbers. */

import { readTable } from '../../../packages/agent/src/probe/nft-table.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const element = (from: string, to: string, bytes: number) => ({
  elem: { val: { concat: [from, to] }, counter: { packets: 3, bytes }, expires: 100 },
});
const table = {
  nftables: [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'bridge', name: 'barter', handle: 4 } },
    { counter: { family: 'bridge', name: 'lost', table: 'barter', packets: 0, bytes: 0 } },
    {
      set: {
        family: 'bridge',
        name: 'pairs',
        table: 'barter',
        type: ['ether_addr', 'ether_addr'],
        size: 65_536,
        timeout: 600,
        elem: [
          element('52:54:00:00:00:01', '52:54:00:00:00:02', 4000),
          element('52:54:00:00:00:02', '52:54:00:00:00:01', 17),
        ],
      },
    },
    { chain: { family: 'bridge', table: 'barter', name: 'version_1', handle: 1 } },
    { chain: { family: 'bridge', table: 'barter', name: 'tally', handle: 2, hook: 'forward' } },
  ],
};
const good = JSON.stringify(table);
const words = [
  ...new Set(good.match(/[A-Za-z_]+/g) ?? []),
  '-1',
  '1e999',
  'null',
  '[]',
  '{}',
  '0',
  ',',
];

export const prepare: Prepare = async () => {
  if (!readTable(good).ok) throw new Error('the good table is refused');
  return target<string>({
    name: 'nft',
    make: (dice) => mutateText(dice, good, good, words, 1024 * 1024),
    read(text) {
      const read = readTable(text);
      if (!read.ok) return;
      const { pairs, lostBytes, shape } = read.value;
      for (const { from, to, bytes } of pairs) {
        if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(from) || from.length !== to.length)
          broken('pairs are of addresses');
        if (!Number.isSafeInteger(bytes) || bytes < 0) broken('bytes are a number');
      }
      for (const value of [lostBytes, shape.pairsMax, shape.expireSeconds])
        if (!Number.isSafeInteger(value) || value < 0) broken('numbers are numbers');
    },
  });
};
