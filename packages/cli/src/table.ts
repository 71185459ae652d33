/** Tables without borders, like kubectl's: columns two spaces apart, cut to the terminal's width. */

import Table from 'cli-table3';
import { clean } from './format.ts';

export type Column<Row> = Readonly<{
  head: string;
  cell: (row: Row) => string;
  /** Numbers stand at the right. */
  right?: true;
  /** May be cut, this column first, when the terminal is too narrow. */
  flexible?: true;
}>;

const gap = 2;
const flexibleMin = 12;

/** @param columnsMax the width to fit into, null for as wide as needed */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  columnsMax: number | null,
): string {
  const cells = rows.map((row) => columns.map(({ cell }) => clean(cell(row))));
  const natural = columns.map(({ head }, index) =>
    Math.max(head.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const widths = fitted(natural, columns, columnsMax);
  const drawn = new Table({
    head: columns.map(({ head }) => head),
    colWidths: widths.map((width) => width + gap),
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap },
  });
  drawn.push(...cells.map((line) => [...line]));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Takes what is too much from the flexible columns, the widest first. */
function fitted<Row>(
  natural: readonly number[],
  columns: readonly Column<Row>[],
  columnsMax: number | null,
): number[] {
  const widths = [...natural];
  if (columnsMax === null) return widths;
  let excess = widths.reduce((sum, width) => sum + width + gap, -gap) - columnsMax;
  while (excess > 0) {
    const candidates = widths
      .map((width, index) => ({ width, index }))
      .filter(({ width, index }) => columns[index]?.flexible && width > flexibleMin)
      .sort((a, b) => b.width - a.width);
    const widest = candidates[0];
    if (!widest) break;
    const cut = Math.min(excess, Math.max(1, widest.width - (candidates[1]?.width ?? flexibleMin)));
    widths[widest.index] = widest.width - cut;
    excess -= cut;
  }
  return widths;
}

const borderless = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((name) => [name, '']),
);
