/** What has to hold for the unit under a real systemd: installed, confined, migrating, interrupted, out of room. */

import { readFileSync } from 'node:fs';
import type { Lab } from '../lab.ts';
import { isAlive, LabError, type ProcessRecord } from '../process.ts';
import {
  answers,
  asUser,
  beginMigration,
  journal,
  type MachineId,
  migrationEnds,
  operator,
  property,
  stranger,
  wander,
} from './cluster.ts';
import { mustOnMachine, onMachine } from './machine.ts';
import type { Row } from './row.ts';
import { moverLog, troubleRows } from './trouble.ts';

const machines = ['h1', 'h2'] as const;
const exposureMax = 3;
/** Bits of the capabilities that the unit leaves, linux/capability.h. */
const capabilityBits = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, KILL: 5, NET_ADMIN: 12 } as const;
/** Of the machine as an agent sees it, those directories take files. */
const writable = ['/dev', '/etc/barter', '/run/barter', '/tmp', '/var/lib/barter', '/var/tmp'];
const tried = [
  ...writable,
  ...'/ /boot /etc /etc/libvirt /home /root /run /run/libvirt /srv /sys/fs/cgroup /usr'.split(' '),
  ...'/usr/lib/barter /var /var/lib /var/lib/libvirt /var/log'.split(' '),
];
const refusals = /EPERM|EACCES|EROFS|SIGSYS|[Oo]peration not permitted|[Pp]ermission denied/;

const unitRows: readonly Row[] = [
  {
    name: 'systemd-analyze verify',
    async run(lab) {
      const unit = '/etc/systemd/system/barter.service';
      const { code, stderr } = await onMachine(lab.host('h1'), ['systemd-analyze', 'verify', unit]);
      const said = stderr.split('\n').filter((line) => line.includes('barter.service'));
      // systemd 254 and later know them; before, they are passed over.
      const newer = said.filter((line) => /'Restart(Steps|MaxDelaySec)'/.test(line));
      if (code !== 0 || said.length > newer.length) throw new LabError(said.join('; '));
      return newer.length === 0
        ? 'no complaint'
        : `passes over ${newer.length} keys that are newer`;
    },
  },
  {
    name: 'systemd-analyze security',
    async run(lab) {
      const argv = ['systemd-analyze', 'security', '--no-pager', 'barter'];
      const text = await mustOnMachine(lab.host('h1'), argv);
      const exposure = Number(/exposure level for barter\.service: ([\d.]+)/.exec(text)?.[1]);
      if (!(exposure <= exposureMax)) throw new LabError(`exposure ${exposure}`);
      return `exposure ${exposure}`;
    },
  },
  {
    name: 'capabilities, system calls, file systems',
    async run(lab) {
      const pid = await property(lab, 'h1', 'MainPID');
      const status = await mustOnMachine(lab.host('h1'), ['cat', `/proc/${pid}/status`]);
      const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
      const bits = Object.values(capabilityBits).reduce((sum: number, bit) => sum + 2 ** bit, 0);
      for (const name of ['CapEff', 'CapBnd'])
        if (Number.parseInt(field(name) ?? '', 16) !== bits)
          throw new LabError(`${name} is ${field(name)}`);
      if (field('NoNewPrivs') !== '1') throw new LabError('it may gain privileges');
      if (field('Seccomp') !== '2') throw new LabError('its system calls are not filtered');
      const script = 'for d; do f=$d/.lab; touch $f 2>/dev/null && echo $d && rm $f; done; true';
      const inAgent = ['nsenter', '-t', pid, '-m', 'sh', '-c', script, 'sh', ...tried];
      const took = (await mustOnMachine(lab.host('h1'), inAgent)).trim().split('\n').sort();
      if (took.join() !== writable.join()) throw new LabError(`it can write to ${took.join(', ')}`);
      return `CapEff ${field('CapEff')}; of ${tried.length} directories it can write to ${took.join(', ')}`;
    },
  },
  {
    name: 'a member of the group, and one who is not',
    async run(lab) {
      const status = await asUser(lab, 'h1', operator, ['barter', 'status']);
      if (status.code !== 0) throw new LabError(`barter status: ${status.stderr.trim()}`);
      const doctor = await asUser(lab, 'h1', operator, ['barter', 'doctor', '--json']);
      const findings = JSON.parse(doctor.stdout) as {
        check: string;
        level: string;
        message: string;
      }[];
      const problems = findings.filter(({ level }) => level === 'problem');
      if (doctor.code !== 0 || problems.length > 0)
        throw new LabError(`barter doctor: ${JSON.stringify(problems)} ${doctor.stderr.trim()}`);
      const other = await asUser(lab, 'h1', stranger, ['barter', 'status']);
      if (other.code === 0 || !/permission denied/.test(other.stderr))
        throw new LabError(`${stranger} got: ${other.stdout}${other.stderr}`);
      return 'status and doctor answer the one; the other is refused';
    },
  },
  {
    name: 'counters',
    async run(lab) {
      const argv = ['nft', 'list', 'set', 'bridge', 'barter', 'pairs'];
      const counted = (await mustOnMachine(lab.host('h1'), argv)).match(/counter packets [1-9]/g);
      if (counted === null) throw new LabError('no pair has been counted');
      return `${counted.length} pairs`;
    },
  },
];

const migrationRows: readonly Row[] = [
  ...(['h2', 'h1'] as const).map(
    (to): Row => ({
      name: `a migration to ${to}`,
      async run(lab) {
        const lost = await connectionsLost(lab);
        await beginMigration(lab, to);
        await migrationEnds(lab, to);
        const pidFile = `/run/libvirt/qemu/${wander}.pid`;
        const script = `stat -c %U /proc/$(cat ${pidFile})`;
        const user = (await mustOnMachine(lab.host(to), ['sh', '-c', script])).trim();
        if (user === 'root') throw new LabError('QEMU runs as root');
        const more = (await connectionsLost(lab)) - lost;
        if (more > 0) throw new LabError(`${more} connections were lost`);
        return `${await lastMigration(lab, other(to))}; QEMU runs as ${user}; no connection lost`;
      },
    }),
  ),
  {
    name: 'systemctl restart, both ends, memory on its way',
    run: (lab) =>
      interrupted(lab, 'h2', async (id) => {
        await mustOnMachine(lab.host(id), ['systemctl', 'restart', 'barter']);
      }),
  },
  {
    name: 'SIGKILL to the agents, both ends, memory on its way',
    async run(lab) {
      const words = ['systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', 'barter'];
      const text = await interrupted(lab, 'h1', async (id) => {
        await mustOnMachine(lab.host(id), words);
      });
      const restarts = await Promise.all(machines.map((id) => property(lab, id, 'NRestarts')));
      if (restarts.includes('0')) throw new LabError('systemd did not start it again');
      return `${text}; started again by systemd`;
    },
  },
  {
    name: 'SIGKILL to all of the unit at the source, movers too',
    async run(lab) {
      await beginMigration(lab, 'h2');
      await mustOnMachine(lab.host('h1'), ['systemctl', 'kill', '-s', 'KILL', 'barter']);
      await answers(lab, 'h1');
      await migrationEnds(lab, 'h1');
      return 'the guest stays where it was, once';
    },
  },
];

export const rows: readonly Row[] = [
  ...unitRows,
  ...migrationRows,
  {
    name: 'nothing was refused',
    async run(lab) {
      const journals = await Promise.all(machines.map((id) => journal(lab, id)));
      const movers = machines.map((id) => readFileSync(lab.path(id, moverLog), 'utf8').split('\n'));
      const lines = [...journals, ...movers].flat();
      const refused = lines.filter((line) => refusals.test(line));
      if (refused.length > 0) throw new LabError(refused.slice(0, 3).join(' | '));
      return `none of ${lines.length} lines of journals and mover.log says EPERM, EACCES, EROFS or SIGSYS`;
    },
  },
  ...troubleRows,
];

function other(id: MachineId): MachineId {
  return id === 'h1' ? 'h2' : 'h1';
}

async function connectionsLost(lab: Lab): Promise<number> {
  const { domains } = await lab.status();
  return domains.reduce((sum, { connectionsLost: lost }) => sum + (lost ?? 0), 0);
}

/** How the source's agent tells of its latest migration. */
async function lastMigration(lab: Lab, from: MachineId): Promise<string> {
  const line = (await journal(lab, from)).findLast((text) => text.includes('"code":"migrated"'));
  if (line === undefined) throw new LabError(`the agent of ${from} tells of no migration`);
  const { durationMs, downtimeMs } = JSON.parse(line) as { durationMs: number; downtimeMs: number };
  return `${(durationMs / 1000).toFixed(1)} s, paused for ${downtimeMs} ms`;
}

function moversOf(lab: Lab, id: MachineId): readonly ProcessRecord[] {
  return lab.processesOf(id).filter(({ command }) => command.includes('/mover.mjs'));
}

/** Ends the agents at both ends while memory is on its way: the movers go on, and so does the migration. */
async function interrupted(
  lab: Lab,
  to: MachineId,
  interrupt: (id: MachineId) => Promise<void>,
): Promise<string> {
  await beginMigration(lab, to);
  const movers = machines.flatMap((id) => moversOf(lab, id));
  if (movers.length < 2) throw new LabError(`there are ${movers.length} movers, not two`);
  const agents = await Promise.all(machines.map((id) => property(lab, id, 'MainPID')));
  await Promise.all(machines.map(interrupt));
  if (!movers.every(isAlive)) throw new LabError('a mover ended with its agent');
  await Promise.all(machines.map((id) => answers(lab, id)));
  const now = await Promise.all(machines.map((id) => property(lab, id, 'MainPID')));
  if (now.some((pid, n) => pid === agents[n])) throw new LabError('an agent was not ended');
  const isUnderWay = movers.every(isAlive);
  await migrationEnds(lab, to);
  return `two other agents answered ${isUnderWay ? 'while the same two movers worked' : 'after the movers'}; it arrived`;
}
