/** Checks of the hypervisor: libvirt's socket, KVM, locks on disks, storage that both hosts can reach. */

import { join } from 'node:path';
import { libvirtSockets, moverDirectory } from '../config/resolve.ts';
import { parseStandstill, standstillMarks } from '../mover/standstill.ts';
import { judgeProcess, parseProcessStat } from '../process-record.ts';
import { type Check, fine, problem, warning } from './check.ts';

const socket: Check = {
  name: 'libvirt',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    const paths = libvirtSockets(config.libvirt.socket);
    const states = await Promise.all(paths.map((path) => probes.connectUnix(path)));
    const open = paths[states.indexOf('open')];
    if (open !== undefined) return fine(`${open} answers`);
    const forbidden = paths[states.indexOf('forbidden')];
    if (forbidden !== undefined) {
      return problem(
        `permission denied at ${forbidden}: run the agent as root or in the group libvirt`,
      );
    }
    const refused = paths[states.indexOf('refused')];
    if (refused !== undefined) {
      return problem(
        `nobody answers at ${refused}: systemctl start virtqemud.socket (or libvirtd)`,
      );
    }
    return problem(
      `${paths.join(' and ')} are not there: install libvirt with its QEMU driver, or set libvirt.socket`,
    );
  },
};

const kvm: Check = {
  name: 'kvm',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    return (await probes.stat('/dev/kvm'))
      ? fine('/dev/kvm is there')
      : warning(
          '/dev/kvm is not there: guests are emulated, which is slow; is virtualisation on in the firmware?',
        );
  },
};

const locks: Check = {
  name: 'disk-locks',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    const found = await probes.read('/etc/libvirt/qemu.conf');
    if (found.kind === 'forbidden') return [];
    const manager =
      found.kind === 'text' ? /^\s*lock_manager\s*=\s*"(\w+)"/m.exec(found.text)?.[1] : undefined;
    return manager !== undefined
      ? fine(`lock_manager is ${manager}`)
      : warning(
          'no lock manager is set in /etc/libvirt/qemu.conf: lock_manager = "lockd" (virtlockd) or "sanlock" is the last defence against one disk being written by two hosts',
        );
  },
};

/** File systems and storage that several hosts reach at once. */
const sharedFileSystems =
  /^(nfs4?|ceph|fuse\.(ceph|glusterfs|sshfs)|glusterfs|gfs2|ocfs2|lustre|gpfs|beegfs)$/;

const storage: Check = {
  name: 'shared-storage',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    const mounts = await probes.read('/proc/self/mounts');
    if (mounts.kind !== 'text') return [];
    const shared = mounts.text
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, , type]) => sharedFileSystems.test(type ?? ''))
      .map(([, place]) => place);
    return shared.length > 0
      ? fine(`shared file systems: ${shared.slice(0, 5).join(', ')}`)
      : warning(
          'no shared file system is mounted: only virtual machines without disks, or with network disks (RBD, iSCSI, NBD), can migrate',
        );
  },
};

/** In the middle of a migration that goes well, nobody sees this: it lasts for a fraction of a second. */
const standstill: Check = {
  name: 'standstill',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    const directory = standstillMarks(moverDirectory(config));
    const found = await Promise.all(
      (await probes.list(directory)).map(async (name) => {
        const path = join(directory, name);
        const text = await probes.read(path);
        const mark = text.kind === 'text' ? parseStandstill(text.text, path) : null;
        if (mark === null) return [];
        const { domain, qemu } = mark;
        const stat = await probes.read(`/proc/${qemu.pid}/stat`);
        const known = stat.kind === 'text' ? parseProcessStat(stat.text) : undefined;
        if (judgeProcess(qemu, known) !== 'stopped') return [];
        return warning(
          `process ${qemu.pid}, the QEMU of ${domain}, stands still: a migration out of here waits to hear whether its target runs it (barter status); libvirt answers no question about it meanwhile. Barter lets it go on or ends it when the target can be asked; when that is gone for ever, or cannot tell, barter resume ${domain} says what to look at, and how to let it run on`,
        );
      }),
    );
    return found.flat();
  },
};

export const libvirtChecks: readonly Check[] = [socket, kvm, locks, storage, standstill];
