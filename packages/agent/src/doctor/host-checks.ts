/** Checks of the machine itself: Node, memory, clock, disk, and who else moves virtual machines here. */

import { formatSize } from '../config/units.ts';
import { type Check, fine, problem, warning } from './check.ts';

const nodeMajorMin = 24;
const mebibyte = 2 ** 20;
const freeMinBytes = 64 * mebibyte;
const freeGoodBytes = 512 * mebibyte;
/** A clock before this was never set. */
const clockMinMs = Date.UTC(2025, 0, 1);

const node: Check = {
  name: 'node',
  run({ probes }) {
    const major = Number(probes.nodeVersion.split('.')[0]);
    return major >= nodeMajorMin
      ? fine(`Node ${probes.nodeVersion}`)
      : problem(
          `Node ${probes.nodeVersion} is too old: the agent needs Node ${nodeMajorMin} or later`,
        );
  },
};

const memory: Check = {
  name: 'memory',
  run({ config, probes }) {
    const { memory: limit, memoryOvercommit, headroom } = config.limits;
    const total = inGibibytes(probes.memoryBytes);
    if (limit !== 'auto' && limit > probes.memoryBytes) {
      return problem(
        `limits.memory is ${formatSize(limit)}, but this host has only ${total}: lower it`,
      );
    }
    if (memoryOvercommit > 1) {
      return warning(
        `limits.memoryOvercommit is ${memoryOvercommit}: guests that use what they were given make this host swap or kill one`,
      );
    }
    const usable = (limit === 'auto' ? probes.memoryBytes : limit) * memoryOvercommit;
    return fine(`${total}, of which trading may fill ${inGibibytes(usable * (1 - headroom))}`);
  },
};

function inGibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

const cpus: Check = {
  name: 'cpus',
  run({ config, probes }) {
    const limit = config.limits.vcpus;
    return limit !== 'auto' && limit > probes.cpus
      ? warning(`limits.vcpus is ${limit}, but this host has ${probes.cpus} CPUs`)
      : [];
  },
};

const clock: Check = {
  name: 'clock',
  async run({ probes }) {
    if (probes.nowMs() < clockMinMs) {
      return problem(
        'the clock was never set: receipts and invitations need it; start an NTP client',
      );
    }
    const asked = await probes.run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value']);
    if (asked.kind === 'ended' && asked.output.trim() === 'no') {
      return warning(
        'the clock is not synchronised: deals do not depend on it, but tickets and the times in receipts do; start an NTP client',
      );
    }
    return fine('set');
  },
};

const disk: Check = {
  name: 'state',
  async run({ config, probes }) {
    const place = config.stateDirectory;
    if (!(await probes.mayWrite(place))) {
      return probes.isRoot
        ? problem(
            `${place} cannot be written: the agent keeps its journal there; set stateDirectory`,
          )
        : warning(
            `${place} cannot be written by this user; run the doctor as root to look further`,
          );
    }
    const free = await probes.freeBytes(place);
    if (free !== null && free < freeMinBytes) {
      return problem(
        `less than ${formatSize(freeMinBytes)} are free at ${place}: the agent stops trading when its journal cannot grow`,
      );
    }
    if (free !== null && free < freeGoodBytes) {
      return warning(
        `less than ${formatSize(freeGoodBytes)} are free at ${place}: free some before the journal cannot grow`,
      );
    }
    return fine(`${place} can be written`);
  },
};

/** Process names (at most 15 characters, as the kernel keeps them) of what else moves virtual machines. */
const balancers: Readonly<Record<string, string>> = {
  'pve-ha-crm': 'the Proxmox VE cluster resource manager',
  'pve-ha-lrm': 'the Proxmox VE local resource manager',
  proxlb: 'ProxLB',
  vdsmd: 'oVirt',
  vdsm: 'oVirt',
  'nova-compute': 'OpenStack Nova',
  'virt-handler': 'KubeVirt',
  oned: 'OpenNebula',
  'cloudstack-agen': 'CloudStack',
  pacemakerd: 'Pacemaker',
};

const others: Check = {
  name: 'other-balancers',
  async run({ probes }) {
    const running = await probes.processNames();
    const found = Object.entries(balancers)
      .filter(([name]) => running.has(name))
      .map(([, product]) => product);
    return found.length === 0
      ? fine('none found')
      : warning(
          `${[...new Set(found)].join(', ')} also runs here: two schedulers that move the same virtual machines undo each other's work; let one of them only measure (\`barter mode observe\`)`,
        );
  },
};

export const hostChecks: readonly Check[] = [node, memory, cpus, clock, disk, others];
