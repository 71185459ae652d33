import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createScript, readTable } from '../../src/probe/nft-table.ts';

/** What nft 1.0.6 writes for the probe's own table. */
function listing(elements: unknown, change: { version?: string; size?: number } = {}): string {
  const common = { family: 'bridge', table: 'barter' };
  const set = {
    ...common,
    name: 'pairs',
    type: ['ether_addr', 'ether_addr'],
    handle: 4,
    size: change.size ?? 8,
    flags: ['timeout'],
    timeout: 900,
    stmt: [{ counter: null }],
    ...(elements === undefined ? {} : { elem: elements }),
  };
  return JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family: 'bridge', name: 'barter', handle: 2 } },
      { counter: { ...common, name: 'lost', handle: 3, packets: 0, bytes: 12 } },
      { set },
      { chain: { ...common, name: change.version ?? 'version_1', handle: 1 } },
      {
        chain: { ...common, name: 'tally', handle: 2, type: 'filter', hook: 'forward', prio: -200 },
      },
      { rule: { ...common, chain: 'tally', handle: 7, expr: [{ counter: 'lost' }] } },
    ],
  });
}

function element(from: unknown, to: unknown, bytes: unknown): unknown {
  const counter = { packets: 1, bytes };
  return { elem: { val: { concat: [from, to] }, timeout: 900, expires: 899, counter } };
}

const a = '02:00:00:00:00:0a';
const b = '02:00:00:00:00:0b';

test('pairs, what was lost and which run of the counters it is', () => {
  expect(readTable(listing([element(a, b, 84)]))).toEqual({
    ok: true,
    value: {
      epoch: 'table 2',
      pairs: [{ from: a, to: b, bytes: 84 }],
      lostBytes: 12,
      shape: { pairsMax: 8, expireSeconds: 900 },
    },
  });
});

test('a set without elements has none', () => {
  const read = readTable(listing(undefined));
  expect(read.ok && read.value.pairs).toEqual([]);
});

test('a set with as many pairs as it holds is full', () => {
  const read = readTable(listing([element(a, b, 1), element(b, a, 1)], { size: 2 }));
  expect(read.ok && read.value.full).toMatch(/^The pair set is full: 2 pairs/);
});

test('a table of another version is told apart from a broken one', () => {
  expect(readTable(listing([], { version: 'version_0' }))).toMatchObject({ code: 'other-version' });
  expect(readTable('{"nftables": []}')).toMatchObject({ code: 'other-version' });
  expect(readTable('{"nftables": {}}')).toMatchObject({ code: 'bad-reading' });
  expect(readTable('Error: syntax')).toMatchObject({ code: 'bad-reading' });
});

test.each([
  ['an address that is none', element('constructor', b, 1)],
  ['three addresses', { elem: { val: { concat: [a, b, a] }, counter: { bytes: 1 } } }],
  ['a negative count', element(a, b, -1)],
  ['a count beyond what a number holds', element(a, b, 2 ** 60)],
  ['no counter', { elem: { val: { concat: [a, b] } } }],
  ['something else', 'elem'],
])('an element with %s is refused as a whole', (_what, bad) => {
  expect(readTable(listing([element(a, b, 1), bad]))).toMatchObject({ code: 'bad-reading' });
});

test('whatever nft writes, reading it ends with a value', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.json().map((json) => `{"nftables":${json}}`),
      ),
      (text) => {
        expect(typeof readTable(text).ok).toBe('boolean');
      },
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (elements) => {
      expect(typeof readTable(listing(elements)).ok).toBe('boolean');
    }),
  );
});

test('the script replaces whatever table was there in one transaction', () => {
  const script = createScript({ pairsMax: 16, expireSeconds: 60 });
  expect(script.indexOf('delete table bridge barter')).toBeLessThan(script.indexOf('set pairs'));
  expect(script).toContain('size 16');
  expect(script).toContain('timeout 60s');
});
