/** What the agent does when it cannot write: it ends with a sentence, and is started again until it can. */

import { outside } from '../host.ts';
import type { Lab } from '../lab.ts';
import { LabError, mustRun, until } from '../process.ts';
import { answers, journal, migrationEnds, orderMigration, property } from './cluster.ts';
import { mustOnMachine, onMachine } from './machine.ts';
import type { Row } from './row.ts';

const machines = ['h1', 'h2'] as const;
const agentDirectory = '/var/lib/barter';
/** In it, what movers say. */
export const moverLog = `${agentDirectory}/mover.log`;

/** They make the agent refuse and fail on purpose, so they come after the journal has been read. */
export const troubleRows: readonly Row[] = [
  {
    name: 'the disk of the state directory is full',
    run: (lab) =>
      trouble(
        lab,
        (host) => mustOnMachine(host, ['sh', '-c', `cat /dev/zero > ${agentDirectory}/fill; true`]),
        (host) => mustOnMachine(host, ['rm', `${agentDirectory}/fill`]),
      ),
  },
  {
    name: 'the state directory is read-only',
    run: (lab) =>
      trouble(
        lab,
        (host) => mustRun(['mount', '-o', 'remount,ro', outside(host, agentDirectory)]),
        (host) => mustRun(['mount', '-o', 'remount,rw', outside(host, agentDirectory)]),
      ),
  },
  {
    name: 'without CAP_KILL',
    async run(lab) {
      await dropIn(lab, 'CapabilityBoundingSet=~CAP_KILL');
      try {
        // Its QEMU could not be held still while the target is told to run the guest: that must be said before memory is sent.
        await orderMigration(lab, 'h2');
        await until('the agent to say so', async () => (await saysWhy(lab)) !== undefined, 60_000);
        await migrationEnds(lab, 'h1');
      } finally {
        await dropIn(lab, '');
      }
      return 'the migration is not begun, the agent names CAP_KILL, and the guest runs on where it was';
    },
  },
];

async function saysWhy(lab: Lab): Promise<string | undefined> {
  const lines = await journal(lab, 'h1');
  return lines.findLast((line) => line.includes('migration-failed') && line.includes('CAP_KILL'));
}

/** Changes the unit on both machines until it is changed back; it holds from the agents' next start. */
async function dropIn(lab: Lab, line: string): Promise<void> {
  const directory = '/run/systemd/system/barter.service.d';
  const script = `mkdir -p ${directory}; printf '[Service]\\n%s\\n' "$1" > ${directory}/lab.conf; systemctl daemon-reload`;
  for (const id of machines) await mustOnMachine(lab.host(id), ['sh', '-ec', script, 'sh', line]);
}

/** The agent ends with a sentence and is started again and again, until what is wrong is mended. */
async function trouble(
  lab: Lab,
  make: (host: ReturnType<Lab['host']>) => Promise<unknown>,
  mend: (host: ReturnType<Lab['host']>) => Promise<unknown>,
): Promise<string> {
  const host = lab.host('h2');
  const before = (await journal(lab, 'h2')).length;
  // Nothing can be made read-only that is open for writing.
  await mustOnMachine(host, ['systemctl', 'stop', 'barter']);
  await make(host);
  try {
    await onMachine(host, ['systemctl', 'start', 'barter']);
    const again = async () => Number(await property(lab, 'h2', 'NRestarts')) >= 2;
    await until('systemd to start the agent again, twice', again, 60_000, 500);
  } finally {
    await mend(host);
  }
  await answers(lab, 'h2');
  const said = (await journal(lab, 'h2'))
    .slice(before)
    .filter((line) => /^barter: |"level":"error"/.test(line));
  const sentence = said[0];
  if (sentence === undefined) throw new LabError('the journal does not say why');
  return `active again once mended; said: ${sentence.slice(0, 200)}`;
}
