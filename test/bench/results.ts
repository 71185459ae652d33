/** What was measured, one record for each run, kept in a file so that a long benchmark may be run in pieces. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Instance } from './instance.ts';

export type Measured = Instance &
  Readonly<{
    contestant: string;
    domains: number;
    /** Network cost at the start, bit/s · distance. */
    startCost: number;
    /** Network cost at the end, as a share of that at the start. */
    costLeft: number;
    /** Migrations, and domains that end elsewhere than they began. */
    moves: number;
    displaced: number;
    movedBytes: number;
    /** Until 95 % of its own gain was there for good; null where there are no rounds or no gain. */
    rounds: number | null;
    messages: number | null;
    hostsEmptied: number;
    wallSeconds: number;
  }>;

/** The default payback: what a move sends is spread over it. */
const paybackSeconds = 3600;

/** Network cost at the end together with what all moves sent, spread over an hour; as a share of the start. */
export function costWithMoves({ costLeft, movedBytes, startCost }: Measured): number {
  return costLeft + (8 * movedBytes) / paybackSeconds / startCost;
}

export class Results {
  readonly #path: string;
  readonly #byKey = new Map<string, Measured>();

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n'))
      if (line !== '') this.#keep(JSON.parse(line) as Measured);
  }

  all(): readonly Measured[] {
    return [...this.#byKey.values()];
  }

  has(instance: Instance, contestant: string): boolean {
    return this.#byKey.has(keyOf({ ...instance, contestant }));
  }

  /** A repeated run takes the place of the earlier one. */
  add(measured: Measured): void {
    this.#keep(measured);
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(
      this.#path,
      this.all()
        .map((one) => `${JSON.stringify(one)}\n`)
        .join(''),
    );
  }

  #keep(measured: Measured): void {
    this.#byKey.set(keyOf(measured), measured);
  }
}

function keyOf(of: Instance & Readonly<{ contestant: string }>): string {
  return [of.contestant, of.hosts, of.fill, of.shape, of.start, of.seed].join('|');
}

/** The q-quantile by linear interpolation; 0.5 is the median. */
export function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, x) => sum + Math.log(x), 0) / numbers.length);
}
