/** The tables of docs/benchmarks.md, between two marks; the text around them belongs to people. */

import { readFileSync, writeFileSync } from 'node:fs';
import { costWithMoves, geometricMean, type Measured, quantile } from './results.ts';

const begin = '<!-- measured: begin (written by npm run bench) -->';
const end = '<!-- measured: end -->';

/** Writes the tables into the document; it must have both marks. */
export function writeTables(path: string, all: readonly Measured[]): void {
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no place for the tables (${begin})`);
  const tables = tablesOf(all);
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n\n${tables}\n\n${text.slice(to)}`);
}

export function tablesOf(all: readonly Measured[]): string {
  const [packing, traffic] = [all.filter(isPacking), all.filter((one) => !isPacking(one))];
  return [
    ...groups(traffic, ({ hosts }) => `${hosts} hosts`).map((group) =>
      ratioTable('Cost left', ({ costLeft }) => costLeft, group),
    ),
    ...groups(traffic, ({ hosts }) => `${hosts} hosts`).map((group) =>
      ratioTable('Cost left and what the moves cost, over 1 h,', costWithMoves, group),
    ),
    ...groups(traffic, instanceOf).map(trafficTable),
    ...groups(packing, instanceOf).map(packingTable),
  ]
    .filter(Boolean)
    .join('\n\n');
}

const isPacking = ({ contestant }: Measured): boolean =>
  contestant === 'V-MAN' || contestant.includes('aggregate');

/** What is one table. */
function instanceOf({ hosts, fill, shape, start }: Measured): string {
  return `${hosts} hosts, ${fill} % full, ${shape}, ${start} start`;
}

function groups(
  all: readonly Measured[],
  nameOf: (one: Measured) => string,
): (readonly [string, readonly Measured[]])[] {
  const sorted = [...all].sort((a, b) => a.hosts - b.hosts || a.fill - b.fill);
  const found = new Map<string, Measured[]>();
  for (const one of sorted) found.set(nameOf(one), [...(found.get(nameOf(one)) ?? []), one]);
  return [...found];
}

function trafficTable([name, rows]: readonly [string, readonly Measured[]]): string {
  return table(
    name,
    rows,
    [
      'cost left',
      'with moves, 1 h',
      'moves a VM',
      'displaced',
      'GiB moved',
      'rounds to 95 %',
      'messages to 95 %',
      's',
    ],
    (of) => [
      spread(
        of.map(({ costLeft }) => costLeft),
        4,
      ),
      median(of.map(costWithMoves), 3),
      spread(
        of.map(({ moves, domains }) => moves / domains),
        2,
      ),
      median(
        of.map(({ displaced, domains }) => displaced / domains),
        2,
      ),
      spread(
        of.map(({ movedBytes }) => movedBytes / 2 ** 30),
        0,
      ),
      spread(
        of.map(({ rounds }) => rounds),
        0,
      ),
      spread(
        of.map(({ messages }) => messages),
        0,
      ),
      spread(
        of.map(({ wallSeconds }) => wallSeconds),
        2,
      ),
    ],
  );
}

function packingTable([name, rows]: readonly [string, readonly Measured[]]): string {
  const domains = rows[0]?.domains ?? 0;
  const least = (rows[0]?.hosts ?? 0) - Math.ceil(domains / 16);
  return table(
    `Consolidation: ${name} (at most ${least} hosts can be emptied)`,
    rows,
    ['hosts emptied', 'moves a VM', 'GiB moved', 's'],
    (of) => [
      spread(
        of.map(({ hostsEmptied }) => hostsEmptied),
        0,
      ),
      spread(
        of.map((m) => m.moves / m.domains),
        2,
      ),
      spread(
        of.map(({ movedBytes }) => movedBytes / 2 ** 30),
        0,
      ),
      spread(
        of.map(({ wallSeconds }) => wallSeconds),
        2,
      ),
    ],
  );
}

function table(
  name: string,
  rows: readonly Measured[],
  columns: readonly string[],
  cells: (of: readonly Measured[]) => readonly string[],
): string {
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  const lines = groups(rows, ({ contestant }) => contestant).map(
    ([contestant, of]) => `| ${[contestant, ...cells(of)].join(' | ')} |`,
  );
  const domains = median(
    rows.map((m) => m.domains),
    0,
  );
  return [
    `### ${name}`,
    '',
    `${domains} VMs, ${seeds} seed${seeds === 1 ? '' : 's'}.`,
    '',
    `| | ${columns.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(columns.length)}`,
    ...lines,
  ].join('\n');
}

/** The engine over everybody else: geometric means of a cost over all clusters that both were on. */
function ratioTable(
  what: string,
  costOf: (one: Measured) => number,
  [name, all]: readonly [string, readonly Measured[]],
): string {
  const cluster = (m: Measured) => `${instanceOf(m)}, seed ${m.seed}`;
  // Where there is nothing to gain, a ratio says nothing.
  const counted = all.filter(({ shape }) => shape !== 'all-to-all');
  const left = new Map<string, Map<string, number>>();
  for (const m of counted) {
    const of = left.get(m.contestant) ?? new Map<string, number>();
    left.set(m.contestant, of.set(cluster(m), costOf(m)));
  }
  const tuned = [...left].filter(([name]) => name.startsWith('METIS tuned'));
  const best = new Map<string, number>();
  for (const [, of] of tuned)
    for (const [key, share] of of) best.set(key, Math.min(share, best.get(key) ?? Infinity));
  if (best.size > 0) left.set('METIS tuned, the best of its three on each cluster', best);
  const ours = [...left].filter(([name]) => name.startsWith('Barter'));
  const others = [...left].filter(([name]) => !name.startsWith('Barter'));
  const ratio = (one: Map<string, number>, other: Map<string, number>): string => {
    const shared = [...one].flatMap(([key, share]) => {
      const theirs = other.get(key);
      return theirs !== undefined && theirs > 0 && share > 0 ? [share / theirs] : [];
    });
    return shared.length > 0 ? geometricMean(shared).toFixed(2) : '–';
  };
  return [
    `### ${what} by the engine ÷ the same by the others: ${name}`,
    '',
    `Geometric means over ${new Set(counted.map(cluster)).size} clusters of those below (all but all-to-all); below 1 the engine leaves less.`,
    '',
    `| | ${ours.map(([name]) => name).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(ours.length)}`,
    ...others.map(
      ([name, of]) => `| ÷ ${name} | ${ours.map(([, own]) => ratio(own, of)).join(' | ')} |`,
    ),
  ].join('\n');
}

type Numbers = readonly (number | null)[];
const present = (numbers: Numbers): number[] => numbers.filter((x) => x !== null);

function median(numbers: Numbers, digits: number): string {
  const known = present(numbers);
  return known.length === 0 ? '–' : quantile(known, 0.5).toFixed(digits);
}

/** The median, and the interquartile range where there is one. */
function spread(numbers: Numbers, digits: number): string {
  const known = present(numbers);
  if (known.length === 0) return '–';
  const [low, high] = [
    quantile(known, 0.25).toFixed(digits),
    quantile(known, 0.75).toFixed(digits),
  ];
  return low === high ? median(known, digits) : `${median(known, digits)} (${low}–${high})`;
}
