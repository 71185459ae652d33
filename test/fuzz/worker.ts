/** One target in a thread of its own, so that an input that never ends, or eats all memory, can be named. */

import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './driver.ts';
import { targets } from './targets.ts';

const { name, run, shared } = workerData as {
  name: keyof typeof targets;
  run: { seed: number; from: number; inputs: number };
  shared: SharedArrayBuffer;
};
const at = new Int32Array(shared);
const target = await targets[name]();
const tally = await fuzz(target, run, (index) => {
  at[0] = index;
});
target.close?.();
parentPort?.postMessage(tally);
