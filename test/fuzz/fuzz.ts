/**
 * `npm run fuzz -- [--target NAME] [--inputs N] [--seed S] [--from INDEX] [--json]`: every decoder of what comes from
 * outside, one after the other. Ends with 1 when an input broke a rule or a bound, and says which.
 */

import { parseArgs } from 'node:util';
import { again, runTarget, type TargetName } from './run-target.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    inputs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    from: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const known = Object.keys(targets) as TargetName[];
const chosen = values.target ?? known;
const unknown = chosen.filter((name) => !known.includes(name as TargetName));
if (unknown.length > 0) {
  process.stderr.write(`No target ${unknown.join(', ')}; there are: ${known.join(', ')}.\n`);
  process.exit(2);
}
const run = {
  seed: Number(values.seed),
  from: Number(values.from),
  inputs: Number(values.inputs),
};
if (!Object.values(run).every((value) => Number.isSafeInteger(value) && value >= 0)) {
  process.stderr.write('--inputs, --seed and --from are whole numbers.\n');
  process.exit(2);
}
process.stderr.write(`seed ${run.seed}, ${run.inputs} inputs for each target\n`);
for (const name of chosen as TargetName[]) {
  const tally = await runTarget(name, run);
  const { finding, slowest, largest } = tally;
  if (values.json) process.stdout.write(`${JSON.stringify({ target: name, ...tally })}\n`);
  else {
    const each = (tally.cpuMs * 1000) / Math.max(1, tally.inputs);
    process.stdout.write(
      `${name.padEnd(16)} ${String(tally.inputs).padStart(8)} inputs  ${each.toFixed(0).padStart(5)} µs each  slowest ${slowest.cpuMs.toFixed(1)} ms (${slowest.length} bytes)  most memory ${(largest.bytes / 1024).toFixed(0)} KiB (${largest.length} bytes)\n`,
    );
  }
  if (finding === null) continue;
  process.exitCode = 1;
  process.stderr.write(`${name}: ${finding.problem}\n${again(finding)}\ninput: ${finding.input}\n`);
}
