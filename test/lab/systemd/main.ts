/**
 * `sudo npm run lab:systemd [-- --only PATTERN] [--name NAME] [--keep]`
 *
 * Runs the unit of deploy/ as docs/operating.md has it installed, under real systemds: two machines that are namespaces
 * of this one, with the distribution's libvirtd and QEMU under its own user. Says for each row whether it held.
 * Exit code 1 when one did not.
 */

import { parseArgs } from 'node:util';
import { LabError } from '../process.ts';
import { whyNoLab } from '../requirements.ts';
import { downMachines, upMachines } from './cluster.ts';
import { whyNoSystemd } from './image.ts';
import type { Row } from './row.ts';
import { rows } from './rows.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    name: { type: 'string', default: 'systemd' },
    keep: { type: 'boolean', default: false },
  },
});

const why = whyNoLab() ?? whyNoSystemd();
if (why !== undefined) throw new Error(`no lab here: ${why}`);
const lab = await upMachines(values.name, values.keep, (line) => process.stderr.write(`${line}\n`));
let failed = 0;
try {
  for (const row of rows.filter(({ name }) => new RegExp(values.only).test(name)))
    if (!(await holds(row))) failed += 1;
} finally {
  if (!values.keep) await downMachines(lab);
}
process.stdout.write(failed === 0 ? 'all of it held\n' : `${failed} did not hold\n`);
process.exitCode = failed === 0 ? 0 : 1;

async function holds({ name, run }: Row): Promise<boolean> {
  const start = performance.now();
  let [ok, text] = [true, ''];
  try {
    text = await run(lab);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    [ok, text] = [false, error.message];
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s): ${text}\n`);
  return ok;
}
