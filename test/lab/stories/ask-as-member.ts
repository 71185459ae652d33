/**
 * A member that lies, as a program of its own: with the key of the host it runs in (whose agent is stopped), it
 * asks another host to open its libvirt for a guest that was never promised, and prints the answer as JSON.
 *
 *   node ask-as-member.ts TARGET-PEER-ID OWN-ADDRESS DOMAIN-UUID
 */

import { prepareRequest } from '@barter/agent/mover/prepare.ts';
import { openLibp2pNetwork } from '@barter/agent/network/libp2p-network.ts';
import type { HostId } from '@barter/core';

const [target, address, uuid] = process.argv.slice(2) as [HostId, string, string];
const network = await openLibp2pNetwork({
  keyFile: '/etc/barter/host.key',
  stateDirectory: '/var/lib/barter',
  name: 'liar',
  listen: [`/ip4/${address}/tcp/7411`],
  bootstrap: [],
  log: { log: () => undefined },
  clock: { nowMs: () => Date.now() },
});
if (!network.ok) throw new Error(network.message);
await new Promise<void>((resolve) =>
  network.value.onPeers((peers) => {
    if (peers.some(({ host, connected }) => host === target && connected)) resolve();
  }),
);
const xml = `<domain type="qemu"><name>stolen</name><uuid>${uuid}</uuid><memory unit="KiB">98304</memory><vcpu>1</vcpu></domain>`;
const answer = await network.value.request(
  target,
  prepareRequest,
  {
    settlement: 'never-agreed',
    domain: uuid,
    facts: { name: 'stolen', uuid, memoryBytes: 96 * 2 ** 20, vcpus: 1, xml },
    way: {
      kind: 'tunnel',
      fingerprint: '0'.repeat(64),
      memoryPath: '/run/barter/mover/x/memory.sock',
      disksPath: '/run/barter/mover/x/disks.sock',
    },
  },
  10_000,
);
process.stdout.write(JSON.stringify(answer));
await network.value.close();
