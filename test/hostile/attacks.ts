/**
 * What a member gone wrong can do, each as fast as it likes or just below what is counted as a flood. An attack
 * goes on until its time is up or its connection is gone; then it knocks again.
 */

import type { Book, DealId, DomainId, HostId, LoadSummary, Message } from '@barter/core';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Stream } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import * as lengthPrefixed from 'it-length-prefixed';
import { openIdentity } from '../../packages/agent/src/network/identity.ts';
import { signEntry } from '../../packages/agent/src/network/roster-entry.ts';
import { encodeFrame } from '../../packages/agent/src/network/sessions.ts';
import { type Frame, peerProtocol } from '../../packages/agent/src/network/wire/frame.ts';
import { must, summaryOf } from '../../packages/agent/test/network/hosts.ts';
import {
  openPeerStream,
  type RawNode,
  rawMember,
} from '../../packages/agent/test/network/raw-peer.ts';
import type { Victim } from './victim.ts';

export type Attack = Readonly<{
  name: string;
  what: string;
  /** Does it once on a fresh connection; returns when the connection is gone or `isOver`. */
  run(scene: Scene, isOver: () => boolean): Promise<void>;
}>;

export type Scene = Readonly<{
  victim: Victim;
  node: RawNode;
  self: HostId;
  connection: Connection;
}>;

/** Frames at a steady rate: a batch every twenty milliseconds, no more than the stream takes. */
async function steadily(
  stream: Stream,
  perSecond: number,
  isOver: () => boolean,
  next: () => Uint8Array,
): Promise<void> {
  const beganAtMs = performance.now();
  let sent = 0;
  while (!isOver() && stream.status === 'open') {
    const due = ((performance.now() - beganAtMs) / 1000) * perSecond;
    const batch: Uint8Array[] = [];
    for (; sent < due && batch.length < 2000; sent += 1) {
      batch.push(lengthPrefixed.encode.single(next()).subarray());
    }
    if (batch.length > 0) stream.send(Buffer.concat(batch));
    if (stream.writableNeedsDrain) await drained(stream);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function drained(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['drain', 'close'] as const) {
      stream.addEventListener(event, () => resolve(), { once: true });
    }
    setTimeout(resolve, 1000).unref();
  });
}

function frames(
  name: string,
  what: string,
  perSecond: number,
  make: (scene: Scene, index: number) => Frame | Promise<Frame>,
  madeAhead = 1,
): Attack {
  return {
    name,
    what,
    async run(scene, isOver) {
      const stream = await openPeerStream(scene.connection);
      // What it answers is read and thrown away.
      void (async () => {
        for await (const _ of stream) if (isOver()) return;
      })().catch(() => {});
      const ahead: Uint8Array[] = [];
      for (let index = 0; index < madeAhead; index += 1) {
        ahead.push(must(encodeFrame(await make(scene, index))));
      }
      let index = 0;
      await steadily(stream, perSecond, isOver, () => {
        index += 1;
        return ahead[index % ahead.length] ?? new Uint8Array();
      });
    },
  };
}

const core = (message: Message): Frame => ({ kind: 'core', message });
const name = (index: number) => `made-up-${index}` as DomainId;

function summary(host: HostId, sequence: number): LoadSummary {
  return { ...summaryOf(host, sequence), name: 'h3', location: [] };
}

/** As large a book as fits into a frame, of domains that do not exist, talking to the victim's. */
function book(scene: Scene, offers: number, partners: number, round: number): Book {
  const { capacity, load } = summaryOf(scene.self, 1);
  return {
    host: scene.self,
    name: 'h3',
    location: [],
    capacity: { ...capacity, memoryLimitBytes: 1e15, vcpuLimit: 1e6 },
    load,
    offers: Array.from({ length: offers }, (_, index) => ({
      claim: {
        domain: `${name(index)}-${round}` as DomainId,
        home: scene.self,
        holder: scene.self,
        version: 1,
      },
      traits: {
        name: 'x',
        memoryBytes: 1e6,
        vcpus: 1,
        cpu: 0.1,
        dirtyBytesPerSecond: 1,
        migrationBytes: 1e6,
        policy: {},
      },
      row: Array.from({ length: partners }, (_, at) => ({
        partner: scene.victim.domains[(index + at * 7) % scene.victim.domains.length] as DomainId,
        bitsPerSecond: 1e6 + at,
      })),
    })),
    fixed: { keepApart: [], keepTogether: [] },
    partners: [],
  };
}

function claimAll(victim: Victim, index: number): Frame {
  return core({
    kind: 'announce',
    id: index + 1,
    domains: victim.domains.map((domain) => ({
      domain: domain as DomainId,
      name: domain,
      holder: victim.bad as HostId,
      version: 2 ** 40 + index,
      addresses: [],
    })),
  });
}

async function newHost(): Promise<HostId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString() as HostId;
}

export const attacks: readonly Attack[] = [
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
    'lie-load',
    'a load summary of another host, each with a higher number',
    3900,
    (_scene, index) =>
      core({
        kind: 'summary',
        summary: summary(`other${index}` as HostId, index + 1),
        answer: true,
      }),
    500,
  ),
  frames(
    'lie-idle',
    'its own load summary, idle and endlessly roomy, 3,900 a second',
    3900,
    ({ self }, index) => core({ kind: 'summary', summary: summary(self, index + 1), answer: true }),
    2000,
  ),
  frames(
    'claim-vms',
    'says that the victim’s VMs are at home with it, 3,900 times a second',
    3900,
    ({ victim }, index) => claimAll(victim, index),
    200,
  ),
  frames(
    'claim-vms-slowly',
    'the same ten times a second',
    10,
    ({ victim }, index) => claimAll(victim, index),
    200,
  ),
  frames(
    'claim-transfers',
    'gives away and calls VMs that it does not hold',
    3900,
    ({ self, victim }, index) => {
      const domain = victim.domains[index % victim.domains.length] as DomainId;
      if (index % 2 === 0)
        return core({ kind: 'transfer', domain, version: index, to: self, deal: 'd' as DealId });
      return core({
        kind: 'settle',
        settlement: `s${index}` as never,
        domain,
        version: index,
        leaseMs: 60_000,
      });
    },
    200,
  ),
  frames(
    'made-up-vms',
    'announces 256 VMs a message that do not exist, 8 MiB/s',
    260,
    (_scene, index) =>
      core({
        kind: 'announce',
        id: index + 1,
        domains: Array.from({ length: 256 }, (_, at) => ({
          domain: name(index * 256 + at),
          name: 'x',
          holder: 'h3' as HostId,
          version: 1,
          addresses: [`52:54:00:${index}:${at}`],
        })),
      }),
    100,
  ),
  frames(
    'seeks',
    'asks where 256 domains and 256 addresses are, 3,900 a second',
    600,
    ({ victim }, index) =>
      core({
        kind: 'seek',
        domains: Array.from(
          { length: 256 },
          (_, at) => (victim.domains[at] ?? name(index * 256 + at)) as DomainId,
        ),
        addresses: Array.from({ length: 256 }, (_, at) => `52:54:00:${index}:${at}`),
      }),
    50,
  ),
  frames(
    'books-many',
    'proposes the largest books that are read, 15 a second',
    15,
    (scene, index) =>
      core({
        kind: 'propose',
        deal: `deal-${index}` as DealId,
        expiresInMs: 1000,
        book: book(scene, 500, 16, index),
      }),
    30,
  ),
  frames(
    'books-small',
    'proposes books of 20 VMs, 1,000 a second',
    1000,
    (scene, index) =>
      core({
        kind: 'propose',
        deal: `deal-${index}` as DealId,
        expiresInMs: 1000,
        book: book(scene, 20, 20, index),
      }),
    2000,
  ),
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

export async function attacker(victim: Victim): Promise<Readonly<{ node: RawNode; self: HostId }>> {
  return { node: await rawMember(victim.keyFile), self: victim.bad as HostId };
}

/** Attacks, and knocks again whenever it is thrown out, until the time is up. Returns how often it was let in. */
export async function keepAttacking(
  victim: Victim,
  attack: Attack,
  isOver: () => boolean,
): Promise<Readonly<{ knocks: number; letIn: number }>> {
  const { node, self } = await attacker(victim);
  let [knocks, letIn] = [0, 0];
  try {
    while (!isOver()) {
      knocks += 1;
      try {
        const connection = await node.dial(victim.address, { signal: AbortSignal.timeout(3000) });
        letIn += 1;
        await attack.run({ victim, node, self, connection }, isOver);
        await connection.close().catch(() => {});
      } catch {
        // Refused or thrown out: knocks again.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    await node.stop();
  }
  return { knocks, letIn };
}
