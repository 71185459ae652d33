/**
 * Takes a lab away: processes, namespaces, mounts (those inside a host end with its namespaces), directories. Works from
 * the state file alone, so it is the same after a crash at any point and when run twice.
 */

import { readFileSync } from 'node:fs';
import { processesIn, removeNamespace } from './network.ts';
import { cgroupName } from './plan.ts';
import { endAll, isAlive, type ProcessRecord, run } from './process.ts';
import { bootId, type LabState, readState, removeState, withLabLock } from './state.ts';

/** Removes a lab, whatever state it is in. Returns false when there was none. */
export function downLab(name: string): Promise<boolean> {
  return withLabLock(name, () => tearDown(name));
}

/** As `downLab`, for a caller that holds the lab's lock. */
export async function tearDown(name: string): Promise<boolean> {
  const lab = readState(name);
  if (!lab) {
    await removeState(name);
    return false;
  }
  if (lab.bootId === bootId()) {
    // Agents first: they must not see their libvirtd die and start something else.
    await endAll(
      lab.hosts.flatMap((host) => alive(host.agent)),
      5_000,
    );
    // Guests are worth nothing: everything in the namespaces goes, the keepers of the namespaces last.
    const keepers = new Set(lab.hosts.map((host) => host.holder?.pid));
    const inside = namespaces(lab).flatMap((namespace) => processesIn(namespace));
    const recorded = lab.hosts.flatMap((host) => [
      ...alive(host.libvirtd),
      ...alive(host.virtlogd),
    ]);
    await endAll(
      [...recorded, ...inside].filter((record) => !keepers.has(record.pid)),
      3_000,
    );
    await endAll(
      lab.hosts.flatMap((host) => alive(host.holder)),
      0,
    );
    // What was started while we were at it.
    await endAll(
      namespaces(lab).flatMap((namespace) => processesIn(namespace)),
      0,
    );
  }
  for (const namespace of namespaces(lab)) await removeNamespace(namespace);
  await removeCgroups(lab);
  await unmountBelow(lab.directory);
  await removeState(name);
  return true;
}

const cgroupScript = `
mount -t cgroup2 cgroup2 /mnt
cd /mnt
for name in $NAMES; do
  if [ -d "$name" ]; then find "$name" -depth -type d -exec rmdir {} \\; ; fi
done
`;

/** Those of hosts with a systemd of their own. Empty by now; looked for in a mount that nobody else sees. */
async function removeCgroups(lab: LabState): Promise<void> {
  await run(['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', cgroupScript], {
    environment: { NAMES: lab.hosts.map((host) => cgroupName(lab, host)).join(' ') },
  });
}

/** Takes away what is mounted below a directory, the innermost first. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((mount) => mount.startsWith(`${directory}/`));
  for (const mount of mounts.reverse()) await run(['umount', '--lazy', mount]);
}

function namespaces(lab: LabState): readonly string[] {
  return [...lab.hosts.map((host) => host.namespace), lab.switchNamespace];
}

function alive(record: ProcessRecord | null): readonly ProcessRecord[] {
  return isAlive(record) ? [record] : [];
}
