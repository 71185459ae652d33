/**
 * What operators do with membership: invite and expel. Both change the roster by one signed entry, which
 * is durable here before it is spread.
 */

import type { Clock, HostId } from '@barter/core';
import { failure, type Result, success } from '../result.ts';
import type { Identity } from './identity.ts';
import type { Invitations } from './invitations.ts';
import { type Roster, validEntriesBy } from './roster.ts';
import { type Entry, type EntryBody, honouredMax } from './roster-entry.ts';
import type { RosterStore } from './roster-store.ts';
import { printTicket } from './ticket.ts';

type Options = Readonly<{
  identity: Identity;
  store: RosterStore;
  invitations: Invitations;
  clock: Clock;
  addresses: () => readonly string[];
  onAdded: (added: readonly Entry[]) => void;
}>;

const longestInvitationMs = 30 * 24 * 3600 * 1000;

/** A new ticket. Errors: `bad-expiry`, `too-many`, and those of the files. */
export async function invite(
  options: Options,
  expiresInMs: number,
): Promise<Result<Readonly<{ ticket: string; expiresAtMs: number }>>> {
  if (!(expiresInMs > 0 && expiresInMs <= longestInvitationMs)) {
    return failure('bad-expiry', 'A ticket expires after more than 0 s and at most 30 days.');
  }
  const { identity, store, invitations, addresses } = options;
  const invitation = await invitations.create(expiresInMs);
  if (!invitation.ok) return invitation;
  const { id, secret, expiresAtMs } = invitation.value;
  const { cluster } = store.current;
  const ticket = printTicket({
    cluster,
    clusterName: clusterNameOf(store.current),
    inviter: identity.host,
    addresses: addresses(),
    invitation: id,
    secret,
  });
  // From here on it is on the ticket only.
  secret.fill(0);
  return ticket.ok ? success({ ticket: ticket.value, expiresAtMs }) : ticket;
}

/**
 * Signs a peer out. What it signed before stays valid, so whom it let in stays in; unless `withGuests`: then all
 * that it signed is void, for a peer whose key was in the wrong hands. Errors: `not-a-member`, `self`,
 * `roster-full`, and those of the files.
 */
export async function expel(
  options: Options,
  peer: HostId,
  { withGuests }: Readonly<{ withGuests: boolean }>,
): Promise<Result<null>> {
  const { identity, store, clock, onAdded } = options;
  if (peer === identity.host) {
    return failure(
      'self',
      'A host cannot expel itself: run "barter expel" for it on another member.',
    );
  }
  const entries = await store.signAll(identity, (roster) => {
    if (!roster.members.has(peer)) {
      return failure('not-a-member', `${peer} is not a member; "barter peers" lists who is.`);
    }
    const { cluster } = roster;
    const { host: by } = identity;
    const honoured = withGuests ? [] : validEntriesBy(roster, peer);
    // A member that let in a thousand others takes more than one entry, and one that let in none takes one.
    const bodies: EntryBody[] = [];
    for (let start = 0; start === 0 || start < honoured.length; start += honouredMax) {
      const some = honoured.slice(start, start + honouredMax);
      bodies.push({ kind: 'expel', cluster, by, atMs: clock.nowMs(), peer, honoured: some });
    }
    return success(bodies);
  });
  if (!entries.ok) {
    if (entries.code !== 'roster-full' || withGuests) return entries;
    return failure(
      'roster-full',
      `The roster is full. If ${peer} filled it, expel it with everybody whom it let in: barter expel ${peer} --with-guests`,
    );
  }
  onAdded(entries.value);
  return success(null);
}

export function clusterNameOf(roster: Roster): string {
  const body = roster.order[0]?.body;
  return body?.kind === 'found' ? body.clusterName : '';
}
