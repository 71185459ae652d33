/**
 * Runs inputs through one target and holds each to its bounds. The processor time of this thread is
 * measured and not the clock, because a busy machine is no fault of the input.
 *
 * What a decode allocates is the growth of the heap and of buffers across it. A collection in between hides some;
 * such inputs are counted, and a decode that keeps more than the thread's whole heap ends the run anyway.
 */

import { getHeapStatistics } from 'node:v8';
import { Dice } from './random.ts';
import type { Input, Target } from './target.ts';

export type Finding = Readonly<{
  target: string;
  seed: number;
  index: number;
  problem: string;
  /** Hex or JSON text, cut. */
  input: string;
}>;

export type Tally = Readonly<{
  inputs: number;
  cpuMs: number;
  /** The dearest inputs, with their numbers. */
  slowest: Readonly<{ index: number; cpuMs: number; length: number }>;
  largest: Readonly<{ index: number; bytes: number; length: number }>;
  /** Inputs whose memory a garbage collection hid. */
  hidden: number;
  finding: Finding | null;
}>;

type Run = Readonly<{ seed: number; from: number; inputs: number }>;

const shownMax = 4096;

/** Stops at the first finding. `progress` is told the number of the input that is read next. */
export async function fuzz(
  target: Target,
  run: Run,
  progress: (index: number) => void = () => {},
): Promise<Tally> {
  let slowest = { index: -1, cpuMs: 0, length: 0 };
  let largest = { index: -1, bytes: 0, length: 0 };
  let hidden = 0;
  let cpuMs = 0;
  let finding: Finding | null = null;
  let index = run.from;
  for (; index < run.from + run.inputs && finding === null; index += 1) {
    progress(index);
    const input = target.make(new Dice(run.seed, index));
    const cost = await measured(target, input);
    cpuMs += cost.cpuMs;
    if (cost.cpuMs > slowest.cpuMs) slowest = { index, cpuMs: cost.cpuMs, length: input.length };
    if (cost.bytes < 0) hidden += 1;
    else if (cost.bytes > largest.bytes) {
      largest = { index, bytes: cost.bytes, length: input.length };
    }
    const problem = cost.problem ?? (await beyond(target, input, cost));
    if (problem !== undefined) {
      finding = { target: target.name, seed: run.seed, index, problem, input: shown(input) };
    }
  }
  return { inputs: index - run.from, cpuMs, slowest, largest, hidden, finding };
}

type Cost = Readonly<{ cpuMs: number; bytes: number; problem?: string }>;

async function measured(target: Target, input: Input): Promise<Cost> {
  const memory = heldBytes();
  const before = process.threadCpuUsage();
  let problem: string | undefined;
  try {
    const pending = target.read(input);
    if (pending !== undefined) await pending;
  } catch (error) {
    problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { user, system } = process.threadCpuUsage(before);
  const cost = { cpuMs: (user + system) / 1000, bytes: heldBytes() - memory };
  return problem === undefined ? cost : { ...cost, problem };
}

/** What is beyond its bounds again and again is; once may be a collection or a compilation. */
async function beyond(target: Target, input: Input, first: Cost): Promise<string | undefined> {
  const allowed = target.bytesMax + target.bytesPerByte * input.length;
  let cost = first;
  for (let attempt = 0; attempt < 4; attempt += 1) {
    if (cost.cpuMs <= target.cpuMsMax && cost.bytes <= allowed) return undefined;
    cost = await measured(target, input);
  }
  return `${input.length} bytes cost ${cost.cpuMs.toFixed(0)} ms (at most ${target.cpuMsMax}) and ${cost.bytes} bytes of memory (at most ${allowed})`;
}

function heldBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

function shown(input: Input): string {
  const text =
    typeof input === 'string' ? JSON.stringify(input) : Buffer.from(input).toString('hex');
  return text.length > shownMax ? `${text.slice(0, shownMax)}… (${text.length})` : text;
}
