/**
 * How the roster reaches everybody: two agents whose rosters differ exchange them when they connect, and
 * what is new to an agent it passes on to all others at once. What is not new goes no further.
 *
 * A peer's entries are checked one frame at a time. Entries that nobody vouches for count against it,
 * because checking signatures is the dearest thing a peer can make us do.
 */

import { createHash } from 'node:crypto';
import type { HostId, Log } from '@barter/core';
import type { Roster } from './roster.ts';
import type { Entry } from './roster-entry.ts';
import { openEntries, type RosterStore } from './roster-store.ts';
import { encodeFrame, type Sessions } from './sessions.ts';
import type { ShutOuts } from './shut-out.ts';
import type { Frame } from './wire/frame.ts';

type Options = Readonly<{
  store: RosterStore;
  sessions: Sessions;
  shutOuts: ShutOuts;
  log: Log;
  /** Entries were added, and are durable. */
  onAdded: (added: readonly Entry[]) => void;
}>;

const chunkBytes = 128 * 1024;
const chunkEntries = 256;
/** Frames of one peer that wait to be checked; a whole roster is sent in fewer. */
const waitingMax = 64;

export class RosterSpread {
  readonly #options: Options;
  readonly #waiting = new Map<HostId, Uint8Array[][]>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** The whole roster, to a peer whose roster differs. */
  sendAll(to: HostId): void {
    const { sessions, store } = this.#options;
    for (const frame of framesOf(store.current.order)) {
      sessions.send(to, frame, { bestEffort: false });
    }
  }

  /** New entries, to everybody but the one that brought them. */
  spread(added: readonly Entry[], except?: HostId): void {
    const { sessions } = this.#options;
    const frames = framesOf(added);
    for (const { host, stream } of sessions.all()) {
      if (host === except) continue;
      for (const frame of frames) stream.send(frame, { bestEffort: false });
    }
  }

  receive(from: HostId, frame: Extract<Frame, { kind: 'roster' }>): void {
    const waiting = this.#waiting.get(from);
    const entries = [...frame.entries];
    if (waiting === undefined) {
      this.#waiting.set(from, [entries]);
      void this.#takeAll(from);
    } else if (waiting.length < waitingMax) {
      waiting.push(entries);
    } else {
      this.#options.shutOuts.shutOut(from, 'it floods this host with roster entries');
    }
  }

  async #takeAll(from: HostId): Promise<void> {
    const waiting = this.#waiting.get(from) ?? [];
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (!this.#options.shutOuts.has(from)) await this.#take(from, next);
      waiting.shift();
    }
    this.#waiting.delete(from);
  }

  async #take(from: HostId, items: readonly Uint8Array[]): Promise<void> {
    const { store, shutOuts, log, onAdded } = this.#options;
    const entries = await openEntries(items, store.current);
    if (!entries.ok) return shutOuts.strike(from, entries.message);
    if (entries.value.length === 0) return;
    const merged = await store.merge(entries.value);
    if (!merged.ok) {
      log.log('error', 'roster-not-stored', `New roster entries are not used: ${merged.message}`);
      return;
    }
    if (merged.value.refused > 0) {
      log.log(
        'error',
        'roster-full',
        `The roster is full; ${merged.value.refused} entries from ${from} were not taken.`,
      );
    } else if (entries.value.some((entry) => !store.current.entries.has(entry.hash))) {
      shutOuts.strike(from, 'it sent roster entries that no member vouches for');
    }
    if (merged.value.added.length === 0) return;
    this.spread(merged.value.added, from);
    onAdded(merged.value.added);
  }
}

/** Equal exactly when two rosters hold the same entries. */
export function digestOf(roster: Roster): Uint8Array {
  const known = digests.get(roster);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const entry of [...roster.entries.keys()].sort()) hash.update(entry);
  const digest = new Uint8Array(hash.digest());
  digests.set(roster, digest);
  return digest;
}

const digests = new WeakMap<Roster, Uint8Array>();

/** Frames of bounded size, in order: the signers of a frame's entries are in it or in one before it. */
export function framesOf(entries: readonly Entry[]): readonly Uint8Array[] {
  const chunks: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    let chunk = chunks.at(-1) as Uint8Array[];
    if (chunk.length >= chunkEntries || bytes + entry.bytes.length > chunkBytes) {
      chunk = [];
      chunks.push(chunk);
      bytes = 0;
    }
    chunk.push(entry.bytes);
    bytes += entry.bytes.length;
  }
  return chunks.flatMap((chunk) => {
    const frame = encodeFrame({ kind: 'roster', entries: chunk });
    return chunk.length > 0 && frame.ok ? [frame.value] : [];
  });
}
