/**
 * Becoming a member: `initCluster` founds a cluster without any network, `joinCluster` asks the member
 * that a ticket names. Both leave a key and a roster behind, durably, with which the agent then starts.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock, HostId } from '@barter/core';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { type Failure, failure, type Result, success } from '../result.ts';
import { AddressBook } from './address-book.ts';
import { type Identity, openIdentity, toPeerId } from './identity.ts';
import { createVisitor, dialTimeoutMs } from './libp2p-node.ts';
import { readFrame, writeFrame } from './one-shot.ts';
import { mergeEntries, startRoster } from './roster.ts';
import { type ClusterId, type Entry, signEntry } from './roster-entry.ts';
import { openEntries, RosterStore } from './roster-store.ts';
import { readTicket, type Ticket } from './ticket.ts';
import { decode, encode } from './wire/codec.ts';
import {
  type JoinAnswer,
  type JoinRequest,
  joinAnswer,
  joinProtocol,
  joinRequest,
  joinRequestBytesMax,
} from './wire/frame.ts';
import { limits } from './wire/limits.ts';

/** Where a member keeps its state. */
export function statePaths(stateDirectory: string) {
  return {
    roster: join(stateDirectory, 'roster.json'),
    invitations: join(stateDirectory, 'invitations.json'),
    addresses: join(stateDirectory, 'addresses.json'),
  };
}

export type MembershipOptions = Readonly<{
  /** Created with mode 0600 when it is not there. */
  keyFile: string;
  stateDirectory: string;
  /** How operators call this host. */
  name: string;
  clock: Clock;
}>;

export type Membership = Readonly<{ host: HostId; cluster: ClusterId; clusterName: string }>;

/** Founds a cluster with this host as its only member. Errors: `already-member`, and those of the files. */
export async function initCluster(
  options: MembershipOptions & Readonly<{ clusterName: string }>,
): Promise<Result<Membership>> {
  const identity = await openIdentity(options.keyFile);
  if (!identity.ok) return identity;
  const { host } = identity.value;
  const found = await signEntry(identity.value, {
    kind: 'found',
    by: host,
    atMs: options.clock.nowMs(),
    name: options.name,
    clusterName: options.clusterName,
    nonce: randomBytes(16).toString('base64url'),
  });
  if (!found.ok) return found;
  const store = await RosterStore.create(statePaths(options.stateDirectory).roster, [found.value]);
  if (!store.ok) return store;
  return success({ host, cluster: found.value.hash, clusterName: options.clusterName });
}

/**
 * Redeems a ticket. Errors: `bad-ticket`, `already-member`, `unreachable` (the inviter does not answer at
 * any of its addresses), `ticket-refused`, `ticket-expired`, `ticket-used`, `expelled`, `forged` (the
 * answer is not a roster of the cluster on the ticket), and those of the files.
 */
export async function joinCluster(
  printedTicket: string,
  options: MembershipOptions,
): Promise<Result<Membership>> {
  const ticket = readTicket(printedTicket);
  if (!ticket.ok) return ticket;
  const paths = statePaths(options.stateDirectory);
  const present = await RosterStore.isPresent(paths.roster);
  if (present !== undefined) return present;
  const identity = await openIdentity(options.keyFile);
  if (!identity.ok) return identity;
  const answer = await ask(identity.value, ticket.value, options.name);
  if (!answer.ok) return answer;
  if (answer.value.kind === 'refused') return failure(answer.value.code, answer.value.message);
  const entries = await checkedEntries(answer.value.entries, ticket.value, identity.value.host);
  if (!entries.ok) return entries;
  const store = await RosterStore.create(paths.roster, entries.value);
  if (!store.ok) return store;
  const book = await AddressBook.open(paths.addresses);
  book.learn(ticket.value.inviter, ticket.value.addresses, 'itself');
  for (const { host, addresses } of answer.value.hints) {
    if (host !== identity.value.host) book.learn(host, addresses, 'hearsay');
  }
  await book.settled();
  const { cluster, clusterName } = ticket.value;
  return success({ host: identity.value.host, cluster, clusterName });
}

async function ask(identity: Identity, ticket: Ticket, name: string): Promise<Result<JoinAnswer>> {
  const { invitation, secret } = ticket;
  const request: JoinRequest = { kind: 'ticket', invitation, secret, name };
  const bytes = encode(joinRequest, request, joinRequestBytesMax);
  if (!bytes.ok) return bytes;
  const inviter = toPeerId(ticket.inviter);
  if (inviter === undefined) return failure('bad-ticket', 'The ticket names no peer.');
  const visitor = await createVisitor(identity, inviter);
  try {
    const targets = ticket.addresses.map((each) => multiaddr(`${each}/p2p/${ticket.inviter}`));
    const signal = AbortSignal.timeout(dialTimeoutMs * 2);
    const stream = await visitor.dialProtocol(targets, joinProtocol, { signal });
    return await converse(stream, bytes.value);
  } catch (error) {
    return unreachable(ticket, error instanceof Error ? error.message : String(error));
  } finally {
    await visitor.stop();
  }
}

async function converse(stream: Stream, question: Uint8Array): Promise<Result<JoinAnswer>> {
  writeFrame(stream, question);
  const answer = await readFrame(stream, { bytesMax: limits.frameBytes, timeoutMs: 10_000 });
  if (!answer.ok) {
    return failure('unreachable', `The inviter broke off without an answer: ${answer.message}.`);
  }
  return decode(joinAnswer, answer.value, limits.frameBytes);
}

function unreachable(ticket: Ticket, detail: string): Failure {
  return failure(
    'unreachable',
    `The host that gave out this ticket does not answer at ${ticket.addresses.join(', ')} (${detail}). Check that its agent is running and that this host reaches that port.`,
  );
}

/** Believes nothing but signatures: the roster must be of the ticket's cluster and must have us in it. */
async function checkedEntries(
  items: readonly Uint8Array[],
  ticket: Ticket,
  self: HostId,
): Promise<Result<readonly Entry[]>> {
  const entries = await openEntries(items, undefined);
  if (!entries.ok) return entries;
  const [found, ...others] = entries.value;
  const start = found === undefined ? undefined : startRoster(found);
  if (start?.cluster === ticket.cluster) {
    const { members } = mergeEntries(start, others).roster;
    if (members.has(self) && members.has(ticket.inviter)) return entries;
  }
  return failure(
    'forged',
    `${ticket.inviter} answered with a roster that is not of the cluster on the ticket, or without this host in it. Ask for a new ticket on a member that you trust.`,
  );
}
