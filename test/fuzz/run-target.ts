/** Runs one target in its thread and watches it: an input that does not end within the bound is a finding. */

import { Worker } from 'node:worker_threads';
import type { Finding, Tally } from './driver.ts';
import type { targets } from './targets.ts';

export type TargetName = keyof typeof targets;

type Run = Readonly<{ seed: number; from: number; inputs: number }>;

/** Longer than any input may take by processor time, on however busy a machine. */
const hangsAfterMs = 120_000;
const memoryMb = 512;

export async function runTarget(name: TargetName, run: Run): Promise<Tally> {
  const shared = new SharedArrayBuffer(4);
  const at = new Int32Array(shared);
  at[0] = -1;
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { name, run, shared },
    // A wide nursery: a collection during a decode hides what it allocated.
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 128 },
  });
  const { promise, resolve } = Promise.withResolvers<Tally>();
  const found = (problem: string) => resolve(tallyOf(name, run, at[0] ?? -1, problem));
  let seen = -1;
  const watch = setInterval(() => {
    if (at[0] === seen && seen !== -1) found(`it does not end within ${hangsAfterMs} ms`);
    seen = at[0] ?? -1;
  }, hangsAfterMs);
  worker.once('message', resolve);
  worker.once('error', (error) => found(`the thread ended: ${String(error)}`));
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

function tallyOf(target: string, run: Run, index: number, problem: string): Tally {
  const finding: Finding = { target, seed: run.seed, index, problem, input: '' };
  const none = { index: -1, cpuMs: 0, bytes: 0, length: 0 };
  const inputs = index - run.from;
  return { inputs, cpuMs: 0, slowest: none, largest: none, hidden: 0, finding };
}

/** The command that makes the same input again. */
export function again({ target, seed, index }: Finding): string {
  return `npm run fuzz -- --target ${target} --seed ${seed} --from ${index} --inputs 1`;
}
