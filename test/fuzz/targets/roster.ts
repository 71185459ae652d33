/**
 * Roster entries: signed by members, by strangers and by the expelled, and all of them damaged. Only what
 * was really signed may come through, whatever it was wrapped in, and only members may have let others in.
 */

import type { HostId } from '@barter/core';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { Identity } from '../../../packages/agent/src/network/identity.ts';
import {
  mergeEntries,
  type Roster,
  startRoster,
} from '../../../packages/agent/src/network/roster.ts';
import {
  type Entry,
  type EntryBody,
  entryBody,
  signEntry,
  signedEntry,
} from '../../../packages/agent/src/network/roster-entry.ts';
import { openEntries } from '../../../packages/agent/src/network/roster-store.ts';
import { encode } from '../../../packages/agent/src/network/wire/codec.ts';
import { bytesOf } from '../good-messages.ts';
import { mutateBytes } from '../mutate.ts';
import type { Dice } from '../random.ts';
import { broken, type Prepare, target } from '../target.ts';
import { bySchema } from '../wire.ts';

const membersMax = 6;

export const prepare: Prepare = async () => {
  const identities = await Promise.all(Array.from({ length: membersMax + 2 }, newIdentity));
  const [root, ...others] = identities as [Identity, ...Identity[]];
  const outside = others.slice(-2).map(({ host }) => host);
  const found = await sign(root, {
    kind: 'found',
    by: root.host,
    atMs: 0,
    name: 'root',
    clusterName: 'fuzz',
    nonce: 'n',
  });
  const signed = await everyEntry(found, identities);
  const genuine = new Map(signed.map((entry) => [entry.hash, entry]));
  const start = startRoster(found) as Roster;
  const words = [...identities.map(({ host }) => host), found.hash, 'kvm1'];
  const bodySchema = entryBody.schema ?? broken('the body of an entry has a schema');

  /** Several entries, in any order and number, as one input: each with its length before it. */
  const make = (dice: Dice): Buffer => {
    const items = Array.from({ length: 1 + dice.length(6) }, () => {
      const { bytes } = dice.pick(signed);
      if (dice.oneIn(2)) return Buffer.from(bytes);
      if (dice.oneIn(3)) {
        const body = bySchema(dice, bodySchema, words, 0);
        const signature = dice.bytes(dice.oneIn(8) ? dice.below(64) : 64);
        return Buffer.from(bytesOf(encode(signedEntry, { body, signature }, 1e6)));
      }
      return mutateBytes(dice, bytes, dice.pick(signed).bytes, 24 * 1024);
    });
    return Buffer.concat(items.flatMap((item) => [lengthOf(item), item]));
  };

  return target<Uint8Array>({
    name: 'roster',
    make,
    async read(input) {
      const opened = await openEntries(cut(Buffer.from(input)), undefined);
      if (!opened.ok) {
        if (!['malformed', 'forged', 'too-large'].includes(opened.code)) broken(opened.message);
        return;
      }
      for (const { hash } of opened.value) if (!genuine.has(hash)) broken('only what was signed');
      const { roster } = mergeEntries(start, opened.value);
      for (const host of outside) if (roster.members.has(host)) broken('no stranger is a member');
      for (const [host, { admittedBy }] of roster.members) {
        if (host !== root.host && !roster.admissions.has(admittedBy))
          broken('a chain to the founder');
        if (roster.expelled.has(host)) broken('nobody is a member who was expelled');
      }
    },
  });
};

/** Admissions and expulsions of everybody by everybody, strangers too, but of strangers by strangers only. */
async function everyEntry(found: Entry, identities: readonly Identity[]): Promise<Entry[]> {
  const cluster = found.hash;
  const entries = [found];
  const strangers = identities.slice(membersMax);
  for (const identity of identities) {
    for (const { host: peer } of identities) {
      const isStranger = strangers.includes(identity);
      if (!isStranger && strangers.some(({ host }) => host === peer)) continue;
      const by = identity.host;
      entries.push(await sign(identity, { kind: 'admit', cluster, by, atMs: 1, peer, name: '' }));
      const honoured = entries.slice(1, 4).map(({ hash }) => hash);
      entries.push(await sign(identity, { kind: 'expel', cluster, by, atMs: 2, peer, honoured }));
    }
  }
  return entries;
}

async function newIdentity(): Promise<Identity> {
  const privateKey = await generateKeyPair('Ed25519');
  const peerId = peerIdFromPrivateKey(privateKey);
  return { host: peerId.toString() as HostId, peerId, privateKey };
}

async function sign(identity: Identity, body: EntryBody): Promise<Entry> {
  const entry = await signEntry(identity, body);
  if (!entry.ok) throw new Error(entry.message);
  return entry.value;
}

function lengthOf(item: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(item.length);
  return length;
}

function cut(input: Buffer): Buffer[] {
  const items: Buffer[] = [];
  for (let at = 0; at + 2 <= input.length; ) {
    const end = at + 2 + input.readUInt16BE(at);
    items.push(input.subarray(at + 2, end));
    at = end;
  }
  return items;
}
