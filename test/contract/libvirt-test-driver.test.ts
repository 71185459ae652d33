/** The libvirt contract on libvirt's own mock driver, behind a libvirtd of this test's. */

import { describe, test } from 'vitest';
import { libvirtContract } from './libvirt.ts';
import { PrivateLibvirtd, privateLibvirtdObstacle } from './private-libvirtd.ts';

const obstacle = privateLibvirtdObstacle();
if (obstacle !== undefined) {
  describe('libvirt on test:///default', () => {
    test(`needs a private libvirtd: ${obstacle}`, ({ skip }) => skip(obstacle));
  });
} else {
  libvirtContract('libvirt on test:///default', async () => {
    const libvirtd = await PrivateLibvirtd.start();
    return {
      socketPath: libvirtd.socketPath,
      uri: 'test:///default',
      domainXml: (name, uuid) =>
        `<domain type='test'><name>${name}</name><uuid>${uuid}</uuid>` +
        `<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`,
      supports: { cpuStatistics: false, jobStatistics: false, capabilities: false },
      killAndRestart: { kill: () => libvirtd.kill(), restart: () => libvirtd.restart() },
      hang: { freeze: () => libvirtd.freeze(), thaw: () => libvirtd.thaw() },
      end: () => libvirtd.end(),
    };
  });
}
