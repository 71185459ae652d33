/**
 * A simulation in a thread of its own, because only a new heap can be given its size. The hosts of a large cluster make
 * much garbage that lives for some milliseconds of wall time: with 64 MiB instead of 16 for what is young, less of it is
 * copied, which saves a sixth of the CPU time at 128 hosts. And what is old may take most of the machine's memory.
 */

import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Cluster } from '../world/cluster-model.ts';
import type { SimulationOptions, SimulationResult } from './result.ts';
import { simulate } from './simulate.ts';

/** V8 divides it into three parts, of which two are semi-spaces (`--max-semi-space-size`). */
const youngMebibytes = 3 * 64;
const oldShareOfMemory = 0.75;
/** As the source has it, and as the bundle. */
const entries = ['./worker.ts', './simulation.mjs'];

/** The same as `simulate`, in equal bytes; rejects when the thread fails, such as for want of memory. */
export async function simulateApart(
  cluster: Cluster,
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  const entry = entries
    .map((name) => new URL(name, import.meta.url))
    .find((url) => existsSync(fileURLToPath(url)));
  // A bundle that was copied alone.
  if (entry === undefined) return simulate(cluster, options);
  const worker = new Worker(entry, {
    workerData: { cluster, options },
    resourceLimits: {
      maxYoungGenerationSizeMb: youngMebibytes,
      maxOldGenerationSizeMb: Math.floor((totalmem() * oldShareOfMemory) / 1024 ** 2),
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<SimulationResult>();
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', (code) =>
    reject(new Error(`the simulation ended without a result (${code})`)),
  );
  return promise;
}
