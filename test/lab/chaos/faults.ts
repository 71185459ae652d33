/** How each kind of fault is done to a host, and undone. */

import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { lookAtProcess } from '@barter/agent/process-record.ts';
import { inHost, smallDisks } from '../host.ts';
import type { Lab } from '../lab.ts';
import { processesIn } from '../network.ts';
import { isAlive, LabError, mustRun, type ProcessRecord, run, signal } from '../process.ts';
import type { Fault } from './plan.ts';
import type { Supervisor } from './supervisor.ts';

/** What ends a fault; harmless when called twice. */
export type Undo = () => Promise<void>;

export type World = Readonly<{ lab: Lab; supervisor: Supervisor }>;

const nothing: Undo = async () => {};

/**
 * Does the fault to a host. Returns what ends it, or a sentence why there was nothing to break.
 * Throws `LabError` when this machine refuses.
 */
export async function inflict(fault: Fault, host: string, world: World): Promise<Undo | string> {
  const { lab, supervisor } = world;
  switch (fault.kind) {
    case 'agent-killed':
      await supervisor.kill(host, 'agent');
      return async () => supervisor.release(host, 'agent');
    case 'libvirtd-killed':
      await supervisor.kill(host, 'libvirtd');
      return async () => supervisor.release(host, 'libvirtd');
    case 'agent-and-libvirtd-killed':
      await Promise.all([supervisor.kill(host, 'libvirtd'), supervisor.kill(host, 'agent')]);
      return async () => {
        supervisor.release(host, 'libvirtd');
        supervisor.release(host, 'agent');
      };
    case 'mover-killed': {
      const movers = moversOf(lab, host);
      if (movers.length === 0) return 'no mover runs there';
      for (const mover of movers) signal(mover, 'SIGKILL');
      return nothing;
    }
    case 'host-frozen':
    case 'host-frozen-beyond-leases':
      return freeze([...servicesOf(lab, host), ...moversOf(lab, host)]);
    case 'host-stalled':
      return freeze(everythingOn(lab, host));
    case 'uplink-cut':
    case 'uplink-cut-beyond-lease':
      await lab.setUplink(host, 'down');
      return () => lab.setUplink(host, 'up');
    case 'management-cut':
      return cutManagement(lab, host);
    case 'uplink-crawl':
      await lab.shapeUplink(host, Math.round(1_000_000 + fault.draw * 3_000_000));
      return () => lab.shapeUplink(host, null);
    case 'agent-disk-full':
      return fill(lab, host, smallDisks.agent);
    case 'libvirt-disk-full':
      return fill(lab, host, smallDisks.libvirt);
    case 'agent-disk-full-restart': {
      const empty = fill(lab, host, smallDisks.agent);
      await supervisor.kill(host, 'agent');
      supervisor.release(host, 'agent');
      return empty;
    }
  }
}

function commandOf({ pid }: ProcessRecord): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** The movers that carry migrations on a host now. */
export function moversOf(lab: Lab, host: string): readonly ProcessRecord[] {
  return processesIn(lab.host(host).namespace).filter((record) =>
    commandOf(record).includes('/mover/main.ts'),
  );
}

function servicesOf(lab: Lab, host: string): readonly ProcessRecord[] {
  const { agent, libvirtd } = lab.host(host);
  return [agent, libvirtd].filter(isAlive);
}

/** Everything but what keeps the namespaces, and a QEMU that a migration has stopped: only that one's end is its end. */
function everythingOn(lab: Lab, host: string): readonly ProcessRecord[] {
  const { namespace, holder } = lab.host(host);
  return processesIn(namespace).filter(
    (record) => record.pid !== holder?.pid && lookAtProcess(record) !== 'stopped',
  );
}

function freeze(records: readonly ProcessRecord[]): Undo {
  for (const record of records) signal(record, 'SIGSTOP');
  return async () => {
    for (const record of records) signal(record, 'SIGCONT');
  };
}

/** The hosts' own addresses are 10.77.0.N: agents and movers are cut off, guests go on talking. */
async function cutManagement(lab: Lab, host: string): Promise<Undo> {
  const rules = `table inet chaos {
    chain in { type filter hook input priority 0; iifname != "lo" ip saddr 10.77.0.0/24 drop; }
    chain out { type filter hook output priority 0; oifname != "lo" ip daddr 10.77.0.0/24 drop; }
  }`;
  await mustRun(inHost(lab.host(host), ['nft', '-f', '-']), { input: rules });
  return async () => {
    await run(inHost(lab.host(host), ['nft', 'delete', 'table', 'inet', 'chaos']));
  };
}

const ballast = 'ballast';

/** Fills each of a host's small file systems to the last byte. */
function fill(lab: Lab, host: string, directories: readonly string[]): Undo {
  const files = directories.map((directory) => `${lab.path(host, directory)}/${ballast}`);
  for (const file of files) fillWith(file);
  return async () => {
    for (const file of files) rmSync(file, { force: true });
  };
}

function fillWith(file: string): void {
  const { bsize, bavail, blocks } = statfsSync(file.slice(0, file.lastIndexOf('/')));
  // Never this machine's own disk.
  if (bsize * blocks > 2 ** 28) throw new LabError(`${file} would not be on a small disk`);
  for (let size = bavail * bsize; size >= bsize; size = Math.floor(size / 2 / bsize) * bsize) {
    try {
      writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
