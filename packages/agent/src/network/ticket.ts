/**
 * A ticket: what lets one new host ask one member, once, to be signed in. It names the member and where
 * to find it, the cluster it must turn out to be, and a secret. As text: `barter-` and base64url, with a
 * check sum, so that a copy with a letter missing is told from a wrong secret.
 */

import { createHash } from 'node:crypto';
import type { HostId } from '@barter/core';
import { failure, type Result, success } from '../result.ts';
import { toPeerId } from './identity.ts';
import type { ClusterId } from './roster-entry.ts';
import { blob, type Codec, decode, encode, text } from './wire/codec.ts';
import { list, message, one } from './wire/fields.ts';
import { limits } from './wire/limits.ts';
import { hostId } from './wire/model-codec.ts';

export type Ticket = Readonly<{
  cluster: ClusterId;
  clusterName: string;
  inviter: HostId;
  /** Multiaddrs of the inviter, without peer id. */
  addresses: readonly string[];
  /** Names the invitation; not secret. */
  invitation: string;
  secret: Uint8Array;
}>;

export const ticketCodec: Codec<Ticket> = message<Ticket>('Ticket', {
  cluster: one(1, text(43, { min: 43 })),
  clusterName: one(2, text(limits.name)),
  inviter: one(3, hostId),
  addresses: list(4, text(limits.multiaddr), limits.multiaddrs),
  invitation: one(5, text(32, { min: 1 })),
  secret: one(6, blob(32)),
});

const prefix = 'barter-';
const checkBytes = 4;
const ticketBytesMax = 4096;

/** The ticket as text that can be copied with a double click. */
export function printTicket(ticket: Ticket): Result<string> {
  const bytes = encode(ticketCodec, ticket, ticketBytesMax);
  if (!bytes.ok) return bytes;
  return success(prefix + Buffer.concat([checkOf(bytes.value), bytes.value]).toString('base64url'));
}

/** Reads a ticket. Errors: `bad-ticket` when the text was not copied whole or is no ticket. */
export function readTicket(printed: string): Result<Ticket> {
  const text = printed.trim();
  const bad = failure(
    'bad-ticket',
    'This is not a whole ticket: copy the complete line that "barter invite" printed, from "barter-" to its end.',
  );
  if (!text.startsWith(prefix) || text.length > ticketBytesMax * 2) return bad;
  const raw = text.slice(prefix.length);
  if (!/^[A-Za-z0-9_-]+$/.test(raw)) return bad;
  const bytes = Buffer.from(raw, 'base64url');
  const body = bytes.subarray(checkBytes);
  if (!checkOf(body).equals(bytes.subarray(0, checkBytes))) return bad;
  const ticket = decode(ticketCodec, body, ticketBytesMax);
  return ticket.ok && toPeerId(ticket.value.inviter) !== undefined ? ticket : bad;
}

function checkOf(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, checkBytes);
}
