/**
 * A host's identity: an Ed25519 key in `cluster.keyFile`. Its peer id is the host id, so the key is all
 * that proves who a host is; the file is created with mode 0600 and refused when others can read it.
 */

import { stat } from 'node:fs/promises';
import type { HostId } from '@barter/core';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey, PeerId } from '@libp2p/interface';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import { failure, type Result, success } from '../result.ts';
import { createDurably, readIfPresent } from './state-file.ts';

export type Identity = Readonly<{ host: HostId; peerId: PeerId; privateKey: Ed25519PrivateKey }>;

const keyFileBytesMax = 4096;

/**
 * Reads the key, or makes one when the file is not there. Errors: `key-permissions` (group or others
 * may access the file), `key-unreadable` (it holds something else), `read-failed`, `create-failed`.
 */
export async function openIdentity(keyFile: string): Promise<Result<Identity>> {
  const content = await readIfPresent(keyFile, keyFileBytesMax);
  if (!content.ok) return content;
  if (content.value === undefined) return createIdentity(keyFile);
  const { mode } = await stat(keyFile);
  if ((mode & 0o077) !== 0) {
    return failure(
      'key-permissions',
      `${keyFile} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}, so others may read this host's key; run: chmod 600 ${keyFile}`,
    );
  }
  return parseIdentity(keyFile, content.value);
}

async function createIdentity(keyFile: string): Promise<Result<Identity>> {
  const privateKey = await generateKeyPair('Ed25519');
  const encoded = Buffer.from(privateKeyToProtobuf(privateKey)).toString('base64');
  const created = await createDurably(keyFile, `${encoded}\n`);
  return created.ok ? success(identityOf(privateKey)) : created;
}

function parseIdentity(keyFile: string, content: string): Result<Identity> {
  try {
    const privateKey = privateKeyFromProtobuf(Buffer.from(content.trim(), 'base64'));
    if (privateKey.type === 'Ed25519') return success(identityOf(privateKey));
  } catch {
    // Not a key of any sort: the same answer as a key of the wrong sort.
  }
  return failure(
    'key-unreadable',
    `${keyFile} does not hold an Ed25519 key of ours (base64 of a libp2p private key). Restore it from a backup, or remove it and join the cluster again as a new peer.`,
  );
}

function identityOf(privateKey: Ed25519PrivateKey): Identity {
  const peerId = peerIdFromPrivateKey(privateKey);
  return { host: peerId.toString() as HostId, peerId, privateKey };
}

/**
 * The peer id behind a host id, or undefined for anything else. Only Ed25519 and only its canonical text:
 * one peer must not have two names.
 */
export function toPeerId(host: string): PeerId | undefined {
  try {
    const peerId = peerIdFromString(host);
    return peerId.type === 'Ed25519' && peerId.toString() === host ? peerId : undefined;
  } catch {
    return undefined;
  }
}
