/** What this machine must have before a lab can be built; `install.sh` brings all of it. */

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';

export const cacheDirectory = '/var/cache/barter-lab';

const commands =
  'ip tc nft unshare nsenter mount libvirtd virtlogd virsh qemu-system-x86_64 busybox'.split(' ');

const files = [
  `${cacheDirectory}/vmlinuz`,
  `${cacheDirectory}/initrd`,
  `${cacheDirectory}/accelerator`,
  '/etc/barter',
  '/etc/libvirt',
  '/var/lib/barter',
  '/var/lib/libvirt',
  '/dev/net/tun',
];

/** Why no lab can be built here, in one sentence; undefined when one can. */
export function whyNoLab(): string | undefined {
  if (process.getuid?.() !== 0) return 'the lab needs root: run it with sudo';
  const missing = [
    ...commands.filter((command) => !onPath(command)),
    ...files.filter((file) => !existsSync(file)),
  ];
  if (missing.length === 0) return undefined;
  return `the lab needs ${missing.join(', ')}: sudo npm run lab:install installs them`;
}

/** What QEMU runs the guests on: `kvm` where a guest came up on it at install time, else `tcg`. */
export function accelerator(): 'kvm' | 'tcg' {
  return readFileSync(`${cacheDirectory}/accelerator`, 'utf8').startsWith('kvm') ? 'kvm' : 'tcg';
}

function onPath(command: string): boolean {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return directories.some((directory) => {
    try {
      accessSync(`${directory}/${command}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
