/**
 * The roster: who is a member of the cluster, as a set of signed entries that only grows.
 *
 * The set is the whole state, and membership is a function of the set alone. So agents that hold the
 * same entries agree on the members, whatever the order, repetition or delay in which entries came:
 * merging is a union, hence commutative, associative and idempotent.
 *
 *   admitted   there is a chain of valid `admit` entries from the founder to the peer
 *   valid      the signer is not expelled, or its expulsion honours this very entry
 *   member     admitted and not expelled
 *
 * Expulsions are judged in order of seniority (the founder first, then by the length of the chain), each
 * with the more senior ones already in force. So of two members that expel each other the senior stays,
 * and nothing that an expelled peer signs afterwards has any effect. Expulsion is for ever: a host that is
 * to come back makes a new key.
 *
 * Pure: entries come in with their signatures checked.
 */

import type { HostId } from '@barter/core';
import type { RosterMember } from './peer-network.ts';
import type { ClusterId, Entry, EntryHash } from './roster-entry.ts';

export type Roster = Readonly<{
  cluster: ClusterId;
  entries: ReadonlyMap<EntryHash, Entry>;
  members: ReadonlyMap<HostId, RosterMember>;
  expelled: ReadonlySet<HostId>;
  /** Who let a peer in, for every peer admitted now. */
  admissions: ReadonlyMap<HostId, Entry>;
  /** All entries, founder's first; the signer of each is admitted by those before it. */
  order: readonly Entry[];
}>;

export type Merge = Readonly<{
  roster: Roster;
  /** What was new and taken. */
  added: readonly Entry[];
  /** New entries that were not taken because the roster is full. */
  refused: number;
}>;

/**
 * A cluster of thousands of hosts and years of expulsions fits. Beyond the bound the roster stops being a
 * plain union: entries without effect are forgotten first, then new ones are refused.
 */
export const entriesMax = 4096;

/** The roster of a cluster that was just founded; undefined when the entry is of another kind. */
export function startRoster(found: Entry): Roster | undefined {
  return found.body.kind === 'found' ? evaluate(found, new Map([[found.hash, found]])) : undefined;
}

/** The union of a roster and entries from elsewhere. The same roster when they bring nothing new. */
export function mergeEntries(roster: Roster, entries: Iterable<Entry>): Merge {
  const found = roster.order[0] as Entry;
  const union = new Map(roster.entries);
  for (const entry of entries) {
    if (entry.body.kind === 'found' || entry.body.cluster !== roster.cluster) continue;
    if (!union.has(entry.hash)) union.set(entry.hash, entry);
  }
  if (union.size === roster.entries.size) return { roster, added: [], refused: 0 };
  let next = evaluate(found, union);
  if (next.entries.size > entriesMax) next = evaluate(found, withoutVoid(next));
  if (next.entries.size > entriesMax) {
    return { roster, added: [], refused: next.entries.size - roster.entries.size };
  }
  const added = next.order.filter((entry) => !roster.entries.has(entry.hash));
  return { roster: added.length === 0 ? roster : next, added, refused: 0 };
}

/** The entries that prove a peer's membership: the founder's first, the peer's own admission last. */
export function proofOf(roster: Roster, peer: HostId): readonly Entry[] {
  const found = roster.order[0] as Entry;
  const chain: Entry[] = [];
  for (let at = peer; at !== found.body.by; ) {
    const admission = roster.admissions.get(at);
    if (admission === undefined) return [];
    chain.unshift(admission);
    at = admission.body.by;
  }
  return [found, ...chain];
}

/** What a peer has signed and is valid now: what its expulsion should honour. */
export function validEntriesBy(roster: Roster, peer: HostId): readonly EntryHash[] {
  if (!roster.members.has(peer)) return [];
  return roster.order
    .filter(({ body }) => body.by === peer && body.kind !== 'found')
    .map((entry) => entry.hash);
}

type BySigner = ReadonlyMap<HostId, readonly Entry[]>;
/** For every expelled peer, the entries of its own that its expulsions honour. */
type Expulsions = Map<HostId, Set<EntryHash>>;

function evaluate(found: Entry, entries: ReadonlyMap<EntryHash, Entry>): Roster {
  const bySigner = groupBySigner(entries);
  const seniority = reach(found, bySigner, new Map());
  const signers = [...seniority.keys()];
  const expulsions: Expulsions = new Map();
  for (const signer of signers) {
    for (const entry of bySigner.get(signer) ?? []) {
      if (entry.body.kind !== 'expel' || !isValid(entry, expulsions)) continue;
      // Only a signer whose own admission still stands may expel.
      if (expulsions.size > 0 && !reach(found, bySigner, expulsions).has(signer)) continue;
      const honoured = expulsions.get(entry.body.peer) ?? new Set();
      for (const hash of entry.body.honoured) honoured.add(hash);
      expulsions.set(entry.body.peer, honoured);
    }
  }
  const admissions = reach(found, bySigner, expulsions);
  const members = new Map<HostId, RosterMember>();
  for (const [host, { body }] of admissions) {
    if (body.kind === 'expel' || expulsions.has(host)) continue;
    members.set(host, { host, name: body.name, admittedBy: body.by, admittedAtMs: body.atMs });
  }
  // What nobody with a chain to the founder signed is not part of the roster at all.
  const order = [found, ...signers.flatMap((signer) => bySigner.get(signer) ?? [])];
  return {
    cluster: found.hash,
    entries: new Map(order.map((entry) => [entry.hash, entry])),
    members,
    expelled: new Set(expulsions.keys()),
    admissions,
    order,
  };
}

/** Everybody with a chain of valid admissions, most senior first, with the entry that let each in. */
function reach(found: Entry, bySigner: BySigner, expulsions: Expulsions): Map<HostId, Entry> {
  const admitted = new Map<HostId, Entry>([[found.body.by, found]]);
  let level: HostId[] = [found.body.by];
  while (level.length > 0) {
    const admissions = level
      .flatMap((signer) => bySigner.get(signer) ?? [])
      .filter((entry) => entry.body.kind === 'admit' && isValid(entry, expulsions))
      .sort(byHash);
    level = [];
    for (const entry of admissions) {
      if (entry.body.kind !== 'admit' || admitted.has(entry.body.peer)) continue;
      admitted.set(entry.body.peer, entry);
      level.push(entry.body.peer);
    }
  }
  return admitted;
}

function isValid(entry: Entry, expulsions: Expulsions): boolean {
  return expulsions.get(entry.body.by)?.has(entry.hash) ?? true;
}

function groupBySigner(entries: ReadonlyMap<EntryHash, Entry>): BySigner {
  const groups = new Map<HostId, Entry[]>();
  for (const entry of entries.values()) {
    if (entry.body.kind === 'found') continue;
    const group = groups.get(entry.body.by);
    if (group === undefined) groups.set(entry.body.by, [entry]);
    else group.push(entry);
  }
  for (const group of groups.values()) group.sort(byHash);
  return groups;
}

/** The entries that still have an effect: expulsions, and admissions by which somebody is in. */
function withoutVoid(roster: Roster): ReadonlyMap<EntryHash, Entry> {
  const used = new Set([...roster.admissions.values()].map((entry) => entry.hash));
  return new Map(
    [...roster.entries].filter(([hash, { body }]) => body.kind === 'expel' || used.has(hash)),
  );
}

function byHash(a: Entry, b: Entry): number {
  return a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0;
}
