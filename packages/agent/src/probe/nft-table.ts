/**
 * The nftables table of the probe, written and read back.
 *
 *   table bridge barter
 *     chain tally   hook forward: multicast and broadcast pass uncounted; any other frame updates its
 *                   pair's counter, and only when that fails (the set is full) reaches the `lost` counter:
 *                   the kernel ends a rule whose `update` failed, so not one byte is missed silently
 *     set pairs     source address . destination address, with packets and bytes; silent pairs expire
 *     chain version_N   empty: tells which version of this file made the table
 *
 * nft(8), "Set statement" and "Stateful objects"; the JSON is libnftables-json(5).
 */

import { failure, type Result, success } from '../result.ts';
import type { Counters, PairCount } from './counters.ts';

export const tableVersion = 1;

export type TableShape = Readonly<{
  /** Pairs at once; a pair and its other direction are two. */
  pairsMax: number;
  /** A pair that is silent for this long is forgotten, with its counter. */
  expireSeconds: number;
}>;

/** Replaces the table, whatever it was, in one transaction. */
export function createScript(shape: TableShape): string {
  return `table bridge barter {}
delete table bridge barter
table bridge barter {
  set pairs {
    type ether_addr . ether_addr
    flags dynamic,timeout
    size ${shape.pairsMax}
    timeout ${shape.expireSeconds}s
    counter
  }
  counter lost { }
  chain version_${tableVersion} { }
  chain tally {
    type filter hook forward priority filter; policy accept;
    ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 return
    update @pairs { ether saddr . ether daddr } return
    counter name "lost"
  }
}
`;
}

/** Takes the table away; succeeds as well when there is none. */
export const removeScript = 'table bridge barter {}\ndelete table bridge barter\n';

export type TableReading = Counters & Readonly<{ shape: TableShape }>;

const elementsMax = 1_000_000;
const addressPattern = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/**
 * Reads `nft -j list table bridge barter`. Errors: `other-version` when the table is not this
 * version's, `bad-reading` when the text is not what nft writes.
 */
export function readTable(json: string): Result<TableReading> {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    return failure('bad-reading', 'nft did not write JSON.');
  }
  const items = field(document, 'nftables');
  if (!Array.isArray(items)) return failure('bad-reading', 'nft wrote no list of objects.');
  const find = (kind: string, name: string): unknown =>
    items.map((item) => field(item, kind)).find((object) => field(object, 'name') === name);
  const table = find('table', 'barter');
  const set = find('set', 'pairs');
  const lostBytes = count(field(find('counter', 'lost'), 'bytes'));
  const version = find('chain', `version_${tableVersion}`);
  if ([table, set, version, lostBytes, find('chain', 'tally')].includes(undefined))
    return failure('other-version', 'The table bridge barter is not of this version.');
  const shape = {
    pairsMax: count(field(set, 'size')) ?? 0,
    expireSeconds: count(field(set, 'timeout')) ?? 0,
  };
  const pairs = readPairs(field(set, 'elem'));
  if (pairs === undefined) return failure('bad-reading', 'nft wrote a pair that cannot be read.');
  const isFull = pairs.length >= shape.pairsMax;
  return success({
    // Handles are never given twice, so a table with another handle counts from nothing.
    epoch: `table ${count(field(table, 'handle')) ?? 0}`,
    pairs,
    lostBytes: lostBytes ?? 0,
    shape,
    ...(isFull ? { full: fullProblem(shape) } : {}),
  });
}

function fullProblem(shape: TableShape): string {
  return `The pair set is full: ${shape.pairsMax} pairs talk at once, and new ones are not counted.`;
}

/** Undefined when the elements are not pairs of addresses with counters. A set without any has no field. */
function readPairs(elements: unknown): readonly PairCount[] | undefined {
  if (elements === undefined) return [];
  if (!Array.isArray(elements) || elements.length > elementsMax) return undefined;
  const pairs: PairCount[] = [];
  for (const item of elements) {
    const element = field(item, 'elem');
    const concat = field(field(element, 'val'), 'concat');
    const bytes = count(field(field(element, 'counter'), 'bytes'));
    if (!Array.isArray(concat) || concat.length !== 2 || bytes === undefined) return undefined;
    const [from, to] = concat as unknown[];
    if (!isAddress(from) || !isAddress(to)) return undefined;
    pairs.push({ from, to, bytes });
  }
  return pairs;
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && addressPattern.test(value);
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
