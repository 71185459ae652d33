/**
 * The traffic probe over nftables: counters per pair of MAC addresses in the bridge's forward hook.
 *
 * The kernel counts, whether an agent runs or not. The meter's state is kept in a file beside them, so
 * that an agent that restarts within a smoothing window goes on measuring where it was. A firewall
 * reload that flushes the ruleset takes the table along: it is put back, and the gap is reported.
 */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TrafficProbe, TrafficReading } from '@barter/core';
import { z } from 'zod';
import type { Failure, Result } from '../result.ts';
import { createNft, type Nft } from './nft-command.ts';
import {
  createScript,
  readTable,
  removeScript,
  type TableReading,
  type TableShape,
} from './nft-table.ts';
import { type MeterState, TrafficMeter } from './traffic-meter.ts';

export type NftablesProbeOptions = Readonly<{
  /** The time constant of the smoothing, and how long it takes until `measured`. */
  smoothingSeconds: number;
  /** Milliseconds that never go back, the same across a restart of the agent: monotonic.ts. */
  monotonicMs: () => number;
  /** Where the meter's state is kept, on a file system that a reboot empties; none: nothing is kept. */
  stateFile?: string;
  nft?: Nft;
  shape?: TableShape;
}>;

/** 12 MB of kernel memory at most; a pair that is silent for a quarter of an hour makes room. */
const defaultShape: TableShape = { pairsMax: 65_535, expireSeconds: 900 };

/** `start` and `remove` reject with this. `code` as in nft-command.ts, `message` one sentence. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly code: string;

  constructor(failed: Failure) {
    super(failed.message);
    this.code = failed.code;
  }
}

export class NftablesProbe implements TrafficProbe {
  readonly #options: NftablesProbeOptions;
  readonly #nft: Nft;
  readonly #shape: TableShape;
  #meter: TrafficMeter;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: NftablesProbeOptions) {
    this.#options = options;
    this.#nft = options.nft ?? createNft();
    this.#shape = options.shape ?? defaultShape;
    this.#meter = new TrafficMeter(this.#smoothingMs);
  }

  /** Puts the table in place unless one of this version and shape is there. Rejects with a ProbeError. */
  async start(): Promise<void> {
    const state = await this.#loadState();
    this.#meter = new TrafficMeter(this.#smoothingMs, state);
    const table = await this.#list();
    if (table.ok && sameShape(table.value.shape, this.#shape)) return;
    if (!table.ok && !replaceable(table.code)) throw new ProbeError(table);
    const created = await this.#nft(['-f', '-'], createScript(this.#shape));
    if (!created.ok) throw new ProbeError(created);
  }

  /** Never rejects: what keeps it from measuring is in `problems`. */
  read(local: ReadonlySet<string>): Promise<TrafficReading> {
    // One after the other: two readings at once would each see a part of the difference.
    const reading = this.#queue.then(() => this.#read(local));
    this.#queue = reading;
    return reading;
  }

  async close(): Promise<void> {
    await this.#queue;
  }

  /** Rejects with a ProbeError. */
  async remove(): Promise<void> {
    await this.#queue;
    if (this.#options.stateFile !== undefined) await rm(this.#options.stateFile, { force: true });
    const removed = await this.#nft(['-f', '-'], removeScript);
    if (!removed.ok) throw new ProbeError(removed);
  }

  async #read(local: ReadonlySet<string>): Promise<TrafficReading> {
    const table = await this.#list();
    const nowMs = this.#options.monotonicMs();
    if (table.ok) {
      const reading = this.#meter.read(table.value, local, nowMs);
      await this.#saveState();
      return reading;
    }
    this.#meter.interrupted(nowMs);
    const problems = [table.message];
    if (replaceable(table.code)) {
      const created = await this.#nft(['-f', '-'], createScript(this.#shape));
      problems[0] = created.ok
        ? 'The traffic counters were gone (a firewall reload flushes them) and have been put back.'
        : created.message;
    }
    return { rates: [], measured: false, problems };
  }

  async #list(): Promise<Result<TableReading>> {
    const listed = await this.#nft(['-j', 'list', 'table', 'bridge', 'barter']);
    return listed.ok ? readTable(listed.value) : listed;
  }

  get #smoothingMs(): number {
    return this.#options.smoothingSeconds * 1000;
  }

  /** The state of an earlier run, unless it is older than a smoothing window or from another boot. */
  async #loadState(): Promise<MeterState | undefined> {
    if (this.#options.stateFile === undefined) return undefined;
    const text = await readFile(this.#options.stateFile, 'utf8').catch(() => '');
    if (text.length > stateCharactersMax) return undefined;
    const state = meterState.safeParse(parseJson(text));
    if (!state.success) return undefined;
    const ageMs = this.#options.monotonicMs() - state.data.readAtMs;
    return ageMs >= 0 && ageMs <= this.#smoothingMs ? state.data : undefined;
  }

  async #saveState(): Promise<void> {
    const { stateFile } = this.#options;
    const state = this.#meter.state;
    if (stateFile === undefined || state === undefined) return;
    const text = JSON.stringify(state);
    // So many pairs are dearer to write every few seconds than a window without measurements.
    if (text.length > stateCharactersMax) return;
    try {
      await mkdir(dirname(stateFile), { recursive: true });
      await writeFile(`${stateFile}.new`, text, { mode: 0o600 });
      await rename(`${stateFile}.new`, stateFile);
    } catch {
      // Without it a restart measures anew, which is what happens without the file, too.
    }
  }
}

const stateCharactersMax = 2 * 1024 * 1024;
const finite = z.number();

const meterState = z.object({
  epoch: z.string(),
  startedAtMs: finite,
  readAtMs: finite,
  lostAtMs: finite.nullable(),
  lostBytes: finite,
  counts: z.record(z.string(), finite),
  averages: z.record(z.string(), z.object({ bitsPerSecond: finite, sinceMs: finite })),
  watchedSinceMs: z.record(z.string(), finite),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sameShape(a: TableShape, b: TableShape): boolean {
  return a.pairsMax === b.pairsMax && a.expireSeconds === b.expireSeconds;
}

/** Nobody else uses a table of this name, so one that cannot be read may be made anew. */
function replaceable(code: string): boolean {
  return code === 'no-table' || code === 'other-version';
}
