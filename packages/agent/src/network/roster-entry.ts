/**
 * One signed line of the roster. `found` starts a cluster, `admit` signs a peer in, `expel` signs one out.
 *
 * The signature covers the body's bytes as they travel, so nothing has to be encoded twice the same
 * way. An entry's hash is its name; the hash of the `found` entry is the cluster's id, and every other
 * entry carries it, so entries of different clusters cannot be mixed.
 */

import { createHash } from 'node:crypto';
import type { HostId } from '@barter/core';
import type { PublicKey } from '@libp2p/interface';
import { failure, type Result, success } from '../result.ts';
import { type Identity, toPeerId } from './identity.ts';
import { amount, blob, type Codec, decode, encode, text } from './wire/codec.ts';
import { list, message, one, union } from './wire/fields.ts';
import { limits } from './wire/limits.ts';
import { hostId } from './wire/model-codec.ts';

/** The hash of an entry, base64url. */
export type EntryHash = string;
export type ClusterId = EntryHash;

export type EntryBody =
  | Readonly<{
      kind: 'found';
      by: HostId;
      atMs: number;
      /** The founder's host name, and the cluster's. */
      name: string;
      clusterName: string;
      /** Random: the same host can found two clusters. */
      nonce: string;
    }>
  | Readonly<{
      kind: 'admit';
      cluster: ClusterId;
      by: HostId;
      atMs: number;
      peer: HostId;
      name: string;
    }>
  | Readonly<{
      kind: 'expel';
      cluster: ClusterId;
      by: HostId;
      atMs: number;
      peer: HostId;
      /** What the expelled peer signed and stays valid. Whatever else it signed, or will sign, is void. */
      honoured: readonly EntryHash[];
    }>;

/** An entry whose signature was checked. */
export type Entry = Readonly<{ hash: EntryHash; body: EntryBody; bytes: Uint8Array }>;

/** Entries that one expulsion honours; more take more expulsions, whose lists are joined. */
export const honouredMax = 512;

const hash = text<EntryHash>(43, { min: 43 });
const shared = { by: one(1, hostId), atMs: one(2, amount) };

type Body<Kind extends EntryBody['kind']> = Omit<Extract<EntryBody, { kind: Kind }>, 'kind'>;

export const entryBody: Codec<EntryBody> = union<EntryBody>('RosterEntryBody', {
  found: [
    1,
    message<Body<'found'>>('Found', {
      ...shared,
      name: one(3, text(limits.name)),
      clusterName: one(4, text(limits.name)),
      nonce: one(5, text(64, { min: 1 })),
    }),
  ],
  admit: [
    2,
    message<Body<'admit'>>('Admit', {
      ...shared,
      cluster: one(3, hash),
      peer: one(4, hostId),
      name: one(5, text(limits.name)),
    }),
  ],
  expel: [
    3,
    message<Body<'expel'>>('Expel', {
      ...shared,
      cluster: one(3, hash),
      peer: one(4, hostId),
      honoured: list(5, hash, honouredMax),
    }),
  ],
});

const signatureBytes = 64;

type Signed = Readonly<{ body: Uint8Array; signature: Uint8Array }>;

export const signedEntry: Codec<Signed> = message<Signed>('RosterEntry', {
  body: one(1, blob(limits.rosterEntryBytes)),
  signature: one(2, blob(signatureBytes)),
});

/** Signatures are for this use only: no other thing a host signs can pass for a roster entry. */
const purpose = new TextEncoder().encode('barter roster entry\0');

/** Signs a body with this host's key. Fails only when the body is beyond the limits. */
export async function signEntry(identity: Identity, body: EntryBody): Promise<Result<Entry>> {
  const encoded = encode(entryBody, body, limits.rosterEntryBytes);
  if (!encoded.ok) return encoded;
  const signature = await identity.privateKey.sign(Buffer.concat([purpose, encoded.value]));
  const signed = { body: encoded.value, signature };
  const bytes = encode(signedEntry, signed, limits.rosterEntryBytes);
  if (!bytes.ok) return bytes;
  return success({ hash: hashOf(signed), body, bytes: bytes.value });
}

/** Decodes an entry from outside and checks its form and its signature (not whether the signer may). */
export async function openEntry(bytes: Uint8Array): Promise<Result<Entry>> {
  const signed = decode(signedEntry, bytes, limits.rosterEntryBytes);
  if (!signed.ok) return signed;
  const body = decode(entryBody, signed.value.body, limits.rosterEntryBytes);
  if (!body.ok) return body;
  if (body.value.kind !== 'found' && toPeerId(body.value.peer) === undefined) {
    return failure('malformed', 'A roster entry names something that is not a peer.');
  }
  const publicKey = toPeerId(body.value.by)?.publicKey;
  if (publicKey === undefined) {
    return failure('malformed', 'A roster entry is signed by something that is not a peer.');
  }
  const valid = await isSigned(publicKey, signed.value);
  if (!valid) return failure('forged', `A roster entry is not signed by ${body.value.by}.`);
  // Encoded anew: what a stranger may have appended to the bytes is not carried on.
  const clean = encode(signedEntry, signed.value, limits.rosterEntryBytes);
  if (!clean.ok) return clean;
  return success({ hash: hashOf(signed.value), body: body.value, bytes: clean.value });
}

async function isSigned(publicKey: PublicKey, { body, signature }: Signed): Promise<boolean> {
  try {
    return await publicKey.verify(Buffer.concat([purpose, body]), signature);
  } catch {
    // The library throws for a signature of the wrong length and for a key that is no point on the curve;
    // both come from outside here.
    return false;
  }
}

/** The name of an entry, from its bytes alone: lets a known one be skipped before its signature is checked. */
export function peekHash(bytes: Uint8Array): EntryHash | undefined {
  const signed = decode(signedEntry, bytes, limits.rosterEntryBytes);
  return signed.ok ? hashOf(signed.value) : undefined;
}

function hashOf(signed: Signed): EntryHash {
  return createHash('sha256').update(signed.body).update(signed.signature).digest('base64url');
}
