/** What is wrong in how much a member says, opens, asks or signs, and in what it leaves unsaid. */

import type { HostId } from '@barter/core';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { openIdentity } from '../../packages/agent/src/network/identity.ts';
import { signEntry } from '../../packages/agent/src/network/roster-entry.ts';
import { peerProtocol } from '../../packages/agent/src/network/wire/frame.ts';
import { must } from '../../packages/agent/test/network/hosts.ts';
import { openPeerStream } from '../../packages/agent/test/network/raw-peer.ts';
import { type Attack, frames } from './attack.ts';

async function newHost(): Promise<HostId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString() as HostId;
}

export const floods: readonly Attack[] = [
  frames('flood', 'empty frames as fast as they go', 50_000, () => ({ kind: 'here' })),
  frames('flood-below', '3,900 questions a second, just below a flood', 3900, () => ({
    kind: 'there',
  })),
  {
    name: 'stall',
    what: 'half a frame, then silence; four streams at a time',
    async run({ connection }, isOver) {
      const streams = await Promise.all([1, 2, 3, 4].map(() => openPeerStream(connection)));
      for (const stream of streams) {
        stream.pause();
        stream.send(new Uint8Array([0x80, 0x80, 0x10, 1, 2, 3]));
      }
      while (!isOver() && connection.status === 'open') {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  },
  {
    name: 'streams',
    what: 'opens streams of every protocol without end, and leaves them',
    async run({ connection }, isOver) {
      const protocols = [peerProtocol, '/ipfs/ping/1.0.0', '/ipfs/id/1.0.0', '/barter/join/1'];
      for (let index = 0; !isOver() && connection.status === 'open'; index += 1) {
        const protocol = protocols[index % protocols.length] ?? peerProtocol;
        await connection.newStream(protocol, { signal: AbortSignal.timeout(500) }).catch(() => {});
      }
    },
  },
  frames(
    'requests',
    'asks for tables and snapshots, 3,900 a second',
    3900,
    (_scene, index) => ({
      kind: 'request',
      id: index,
      name: ['view', 'view', 'snapshot', 'view'][index % 4] ?? 'view',
      json: new TextEncoder().encode(
        JSON.stringify({ view: ['domains', 'traffic', 'x', 'moves'][index % 4], from: 0 }),
      ),
    }),
    400,
  ),
  frames(
    'requests-bad',
    'asks with nothing in the question',
    3900,
    (_scene, index) => ({
      kind: 'request',
      id: index,
      name: 'view',
      json: new TextEncoder().encode('null'),
    }),
    400,
  ),
  frames(
    'signatures',
    'roster entries whose signatures are wrong, 128 in a frame',
    50,
    async ({ self, victim }) => {
      const identity = must(await openIdentity(victim.keyFile));
      const { cluster } = victim;
      const peer = await newHost();
      const body = { kind: 'admit', cluster, by: self, atMs: 1, peer, name: 'x' } as const;
      const { bytes } = must(await signEntry(identity, body));
      const entries = Array.from({ length: 128 }, (_, at) => {
        const bad = Uint8Array.from(bytes);
        const last = bad.length - 1 - (at % 60);
        bad[last] = (bad[last] ?? 0) ^ (1 + at);
        return bad;
      });
      return { kind: 'roster', entries };
    },
    8,
  ),
  frames(
    'admissions',
    'admits hosts that do not exist, 20 in a frame',
    50,
    async ({ self, victim }) => {
      const identity = must(await openIdentity(victim.keyFile));
      const { cluster } = victim;
      const entries = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const peer = await newHost();
          const body = { kind: 'admit', cluster, by: self, atMs: 1, peer, name: 'x' } as const;
          return must(await signEntry(identity, body)).bytes;
        }),
      );
      return { kind: 'roster', entries };
    },
    100,
  ),
];
