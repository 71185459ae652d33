/** Checks of what traffic is measured and carried with: nftables, bridges, SELinux beside the tunnel. */

import { type Check, fine, problem, warning } from './check.ts';

const nftables: Check = {
  name: 'nftables',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    const asked = await probes.run('nft', ['-j', 'list', 'tables', 'bridge']);
    if (asked.kind === 'missing') {
      return problem(
        'nft is not installed: without it nothing is measured, and nothing moves; install nftables',
      );
    }
    if (asked.kind === 'timeout')
      return problem('nft does not answer: another program may hold its lock');
    if (asked.code === 0) return fine('nft may read and change the bridge family');
    if (/not permitted/i.test(asked.errors)) {
      return probes.isRoot
        ? problem('nft is not permitted here: the agent needs CAP_NET_ADMIN')
        : warning('nft needs root; run the doctor as root to look further');
    }
    return problem(
      `nft cannot list the bridge family (${firstLine(asked.errors)}): is the kernel module nf_tables there?`,
    );
  },
};

const bridges: Check = {
  name: 'bridges',
  async run({ config, probes }) {
    if (config.hypervisor.kind !== 'libvirt') return [];
    const interfaces = await probes.list('/sys/class/net');
    const isBridge = await Promise.all(
      interfaces.map((name) => probes.stat(`/sys/class/net/${name}/bridge`)),
    );
    const found = interfaces.filter((_, index) => isBridge[index]);
    if (found.length === 0) {
      return problem(
        'this host has no Linux bridge: traffic between virtual machines is measured on bridges; attach them to one',
      );
    }
    const ports = await Promise.all(
      found.map((name) => probes.list(`/sys/class/net/${name}/brif`)),
    );
    const listed = found.map((name, index) => `${name} (${ports[index]?.length ?? 0} ports)`);
    return fine(listed.join(', '));
  },
};

const selinux: Check = {
  name: 'selinux',
  async run({ config, probes }) {
    if (config.migration.path !== 'tunnel') return [];
    const enforce = await probes.read('/sys/fs/selinux/enforce');
    if (enforce.kind !== 'text' || enforce.text.trim() !== '1') return [];
    return warning(
      'SELinux is enforcing: QEMU may be kept from the sockets of the migration tunnel; if migrations fail with "permission denied", see the operating guide',
    );
  },
};

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 200) ?? '';
}

export const networkChecks: readonly Check[] = [nftables, bridges, selinux];
