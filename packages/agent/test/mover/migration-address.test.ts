import type { HostId } from '@barter/core';
import { describe, expect, it } from 'vitest';
import { serveArrivals } from '../../src/mover/arrivals.ts';
import { plainPath } from '../../src/mover/plain-path.ts';
import { prepareAnswer } from '../../src/mover/prepare.ts';
import { success } from '../../src/result.ts';
import { gibibyte } from './calls.ts';
import { facts, order, Wire } from './harness.ts';

/** The source's path to a target that asks for migrations at an address of its own. */
function pathTo(migrationAddress: string) {
  const wire = new Wire();
  serveArrivals({
    network: wire,
    migrationAddress,
    log: { log: () => undefined },
    clock: { nowMs: () => 0 },
    leaseFor: () => ({ expiresAtMs: 60_000, memoryBytes: 2 * gibibyte }),
    checkArrival: async () => success(null),
    libvirtSocketPath: '/nowhere',
    owner: null,
    command: [],
    runDirectory: '/nowhere',
    logFile: '/nowhere',
  });
  return plainPath('tls', { network: wire });
}

describe('a target with a migration network of its own', () => {
  it('has migrations come to the address that its configuration names', async () => {
    expect(await pathTo('2001:db8::7').open(order, facts)).toMatchObject({
      ok: true,
      value: {
        destinationUri: 'qemu+tls://[2001:db8::7]/system',
        migrateUri: 'tcp://[2001:db8::7]',
      },
    });
  });

  it.each(['-oProxyCommand=touch', 'kvm2/system?command=x', 'kvm2 ', '', 'a'.repeat(300)])(
    'cannot slip %j into the URI that the source opens',
    async (address) => {
      expect(prepareAnswer.safeParse({ tunnel: null, leaseMs: 1, address }).success).toBe(false);
      const opened = await pathTo(address).open({ ...order, target: 'target' as HostId }, facts);
      expect(opened).toMatchObject({ ok: false, code: 'bad-answer' });
    },
  );
});
