/**
 * The roster on disk. Changes are durable before anybody acts on them: `current` moves on only when the
 * file with the new entries is written, and changes are taken one after the other.
 */

import type { HostId } from '@barter/core';
import { type Failure, failure, type Result, success } from '../result.ts';
import type { Identity } from './identity.ts';
import { entriesMax, mergeEntries, type Roster, startRoster } from './roster.ts';
import { type Entry, type EntryBody, openEntry, peekHash, signEntry } from './roster-entry.ts';
import { readIfPresent, writeDurably } from './state-file.ts';

type RosterFile = Readonly<{ version: 1; cluster: string; entries: readonly string[] }>;
const rosterBytesMax = 128 * 1024 * 1024;

export class RosterStore {
  readonly #path: string;
  #current: Roster;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(path: string, roster: Roster) {
    this.#path = path;
    this.#current = roster;
  }

  get current(): Roster {
    return this.#current;
  }

  /** Errors: `no-roster` (init or join first), `roster-corrupt`, `read-failed`. */
  static async open(path: string): Promise<Result<RosterStore>> {
    const content = await readIfPresent(path, rosterBytesMax);
    if (!content.ok) return content;
    if (content.value === undefined) {
      return failure(
        'no-roster',
        `This host belongs to no cluster yet (${path} is not there): run "barter init" to start one, or "barter join TICKET" with a ticket that "barter invite" printed on a member.`,
      );
    }
    const roster = await parse(content.value);
    if (roster === undefined) {
      return failure(
        'roster-corrupt',
        `${path} is damaged. Remove it and join the cluster again with a new ticket; other members keep the roster.`,
      );
    }
    return success(new RosterStore(path, roster));
  }

  /** Writes the first roster of this host. Errors: `already-member` when there is one. */
  static async create(path: string, entries: readonly Entry[]): Promise<Result<RosterStore>> {
    const present = await RosterStore.isPresent(path);
    if (present !== undefined) return present;
    const [found, ...others] = entries;
    const start = found === undefined ? undefined : startRoster(found);
    if (start === undefined) return failure('roster-invalid', 'The roster has no founder.');
    const { roster } = mergeEntries(start, others);
    const store = new RosterStore(path, roster);
    const written = await writeDurably(path, serialize(roster));
    return written.ok ? success(store) : written;
  }

  /** Why a new roster cannot be stored here: there is one already, or the file cannot be read. */
  static async isPresent(path: string): Promise<Failure | undefined> {
    const existing = await readIfPresent(path, rosterBytesMax);
    if (!existing.ok) return existing;
    if (existing.value === undefined) return undefined;
    return failure(
      'already-member',
      `This host belongs to a cluster already (${path}). To leave it, have another member expel this host, then remove that file and the key file.`,
    );
  }

  /** Whether a peer would be a member if these entries were taken. Takes nothing. */
  wouldAdmit(entries: readonly Entry[], peer: HostId): boolean {
    return mergeEntries(this.#current, entries).roster.members.has(peer);
  }

  /** Takes what is new and valid; resolves with what was added, once it is durable. */
  merge(
    entries: readonly Entry[],
  ): Promise<Result<Readonly<{ added: readonly Entry[]; refused: number }>>> {
    return this.#inTurn(async () => {
      const { roster, added, refused } = mergeEntries(this.#current, entries);
      if (added.length > 0) {
        const written = await writeDurably(this.#path, serialize(roster));
        if (!written.ok) return written;
        this.#current = roster;
      }
      return success({ added, refused });
    });
  }

  /** Signs a new entry, made from the roster as it is then, and takes it. */
  async sign(
    identity: Identity,
    make: (roster: Roster) => Result<EntryBody>,
  ): Promise<Result<Entry>> {
    const signed = await this.signAll(identity, (roster) => {
      const body = make(roster);
      return body.ok ? success([body.value]) : body;
    });
    return signed.ok ? success(signed.value[0] as Entry) : signed;
  }

  /** The same for several that belong together: all are taken, or none. */
  signAll(
    identity: Identity,
    make: (roster: Roster) => Result<readonly EntryBody[]>,
  ): Promise<Result<readonly Entry[]>> {
    return this.#inTurn(async () => {
      const bodies = make(this.#current);
      if (!bodies.ok) return bodies;
      const entries: Entry[] = [];
      for (const body of bodies.value) {
        const entry = await signEntry(identity, body);
        if (!entry.ok) return entry;
        entries.push(entry.value);
      }
      const { roster, added } = mergeEntries(this.#current, entries);
      if (added.length < entries.length) {
        return failure('roster-full', 'The roster does not take this entry: it is full.');
      }
      const written = await writeDurably(this.#path, serialize(roster));
      if (!written.ok) return written;
      this.#current = roster;
      return success(entries);
    });
  }

  isMember(host: HostId): boolean {
    return this.#current.members.has(host);
  }

  /** Resolves when no change is being written. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  #inTurn<Value>(change: () => Promise<Value>): Promise<Value> {
    const turn = this.#queue.then(change);
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

/**
 * Opens entries from outside, skipping those known already before their signature is checked. Stops at
 * the first bad one: an honest peer sends none.
 */
export async function openEntries(
  items: readonly Uint8Array[],
  known: Roster | undefined,
): Promise<Result<readonly Entry[]>> {
  const entries: Entry[] = [];
  for (const bytes of items) {
    const hash = peekHash(bytes);
    if (hash !== undefined && known?.entries.has(hash)) continue;
    const entry = await openEntry(bytes);
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  return success(entries);
}

function serialize(roster: Roster): string {
  const file: RosterFile = {
    version: 1,
    cluster: roster.cluster,
    entries: roster.order.map((entry) => Buffer.from(entry.bytes).toString('base64url')),
  };
  return `${JSON.stringify(file, null, 1)}\n`;
}

async function parse(content: string): Promise<Roster | undefined> {
  let file: Partial<RosterFile>;
  try {
    file = JSON.parse(content) as Partial<RosterFile>;
  } catch {
    return undefined;
  }
  if (file?.version !== 1 || !Array.isArray(file.entries)) return undefined;
  if (file.entries.length > entriesMax || !file.entries.every((each) => typeof each === 'string')) {
    return undefined;
  }
  const items = file.entries.map((each) => Buffer.from(each, 'base64url'));
  const entries = await openEntries(items, undefined);
  if (!entries.ok) return undefined;
  const [found, ...others] = entries.value;
  const start = found === undefined ? undefined : startRoster(found);
  if (start === undefined || start.cluster !== file.cluster) return undefined;
  const { roster } = mergeEntries(start, others);
  return roster.entries.size === entries.value.length ? roster : undefined;
}
