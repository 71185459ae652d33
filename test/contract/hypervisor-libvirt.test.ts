/**
 * The hypervisor contract on libvirt's mock driver, behind a libvirtd of this test's. That driver cannot
 * migrate: the lab runs the same contract on QEMU, migrations included.
 */

import { LibvirtHypervisor } from '@barter/agent/hypervisor/libvirt-hypervisor.ts';
import type { DomainId } from '@barter/core';
import { DomainApi, LibvirtConnection } from '@barter/libvirt';
import { describe, test } from 'vitest';
import { hypervisorContract } from './hypervisor.ts';
import { noMovers } from './no-movers.ts';
import { PrivateLibvirtd, privateLibvirtdObstacle } from './private-libvirtd.ts';

const uri = 'test:///default';
/** The one domain that this driver starts with. */
const domain = '6695eb01-f6a4-8304-79aa-97f2502e193f' as DomainId;

const obstacle = privateLibvirtdObstacle();
if (obstacle !== undefined) {
  describe('hypervisor: libvirt on test:///default', () => {
    test(`needs a private libvirtd: ${obstacle}`, ({ skip }) => skip(obstacle));
  });
} else {
  hypervisorContract('libvirt on test:///default', async () => {
    const libvirtd = await PrivateLibvirtd.start();
    const { socketPath } = libvirtd;
    const byHand = async (work: (domains: DomainApi) => Promise<void>) => {
      const connection = await LibvirtConnection.open({ socketPath, uri });
      await work(new DomainApi(connection));
      await connection.close();
    };
    const hypervisor = await LibvirtHypervisor.open({
      socketPath,
      log: { log: () => {} },
      door: { close: async () => {}, evidence: async () => ({ kind: 'unknown' }) },
      way: noMovers,
      path: {
        open: async () => ({ ok: false, code: 'unreachable', message: 'This test has one host.' }),
      },
      options: {
        uri,
        limits: {
          memoryBytes: null,
          vcpus: null,
          nicBitsPerSecond: 1e9,
          memoryOvercommit: 1,
          cpuOvercommit: 4,
          headroom: 0.1,
        },
        migration: { bandwidthBytesPerSecond: null, downtimeMaxMs: 300 },
      },
    });
    return {
      hypervisor,
      domain,
      passing: (promise) => promise,
      shutDown: (uuid) =>
        byHand(async (domains) => domains.destroy(await domains.lookupByUuid(uuid))),
      start: (uuid) => byHand(async (domains) => domains.start(await domains.lookupByUuid(uuid))),
      reach: { cut: () => libvirtd.kill(), mend: () => libvirtd.restart() },
      close: () => libvirtd.end(),
    };
  });
}
