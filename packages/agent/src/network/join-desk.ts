/**
 * The member's side of `/barter/join/1`, the only protocol a stranger reaches. It answers two things: a
 * ticket is redeemed, or a member we have not heard of yet proves its membership with signed entries.
 *
 * One question per stream, bounded in size and time. A ticket is used up durably, then the new member's
 * entry is signed and stored, and only then does the answer leave.
 */

import type { HostId, Log } from '@barter/core';
import type { Connection, Stream } from '@libp2p/interface';
import { failure, type Result, success } from '../result.ts';
import type { Identity } from './identity.ts';
import type { Invitations } from './invitations.ts';
import { readFrame, writeFrame } from './one-shot.ts';
import { TokenBucket } from './rate-limit.ts';
import { proofOf, type Roster } from './roster.ts';
import type { Entry } from './roster-entry.ts';
import { openEntries, type RosterStore } from './roster-store.ts';
import { decode, encode } from './wire/codec.ts';
import {
  type Hint,
  type JoinAnswer,
  type JoinRequest,
  joinAnswer,
  joinRequest,
  joinRequestBytesMax,
} from './wire/frame.ts';
import { limits } from './wire/limits.ts';

type Options = Readonly<{
  identity: Identity;
  store: RosterStore;
  invitations: Invitations;
  log: Log;
  nowMs: () => number;
  hints: () => readonly Hint[];
  /** Entries were added by somebody who joined or introduced itself. */
  onAdded: (added: readonly Entry[]) => void;
}>;

const questionMs = 5000;
/**
 * Signature checks cost (a proof of 64 entries some 10 ms), so all strangers together get this many
 * questions answered at once, and this many a second.
 */
const atOnceMax = 4;
const questionsAllowed = { capacity: 40, perSecond: 10 };
const tellable = new Set(['ticket-refused', 'ticket-expired', 'ticket-used', 'not-a-member']);
const welcomeBytesMax = 256 * 1024;

export class JoinDesk {
  readonly #options: Options;
  readonly #questions = new TokenBucket(questionsAllowed);
  #underWay = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Handles one stream; never throws. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    if (this.#underWay >= atOnceMax || !this.#questions.take()) {
      stream.abort(new Error('busy'));
      return;
    }
    this.#underWay += 1;
    try {
      const question = await readFrame(stream, {
        bytesMax: joinRequestBytesMax,
        timeoutMs: questionMs,
      });
      if (!question.ok) return stream.abort(new Error(question.message));
      const request = decode(joinRequest, question.value, joinRequestBytesMax);
      if (!request.ok) return stream.abort(new Error(request.message));
      const from = connection.remotePeer.toString() as HostId;
      const answer = toAnswer(await this.#answer(from, request.value));
      const bytes = encode(joinAnswer, answer, limits.frameBytes);
      if (!bytes.ok || !writeFrame(stream, bytes.value)) stream.abort(new Error('not answered'));
      else await stream.close().catch(() => {});
    } finally {
      this.#underWay -= 1;
    }
  }

  async #answer(from: HostId, request: JoinRequest): Promise<Result<Welcome>> {
    const { store, log } = this.#options;
    if (store.current.expelled.has(from)) {
      return failure(
        'expelled',
        'This host was expelled from the cluster. To come back it needs a new key: remove its key file and its roster, then join with a new ticket.',
      );
    }
    const result =
      request.kind === 'ticket'
        ? await this.#redeem(from, request)
        : await this.#introduce(from, request);
    if (!result.ok) {
      log.log('warn', 'join-refused', `${from} was not let in: ${result.message}`, {
        peer: from,
        reason: result.code,
      });
    }
    if (result.ok || tellable.has(result.code)) return result;
    // What went wrong with our files is no stranger's business.
    return failure('not-stored', 'The inviter could not store the membership; its log says why.');
  }

  async #redeem(
    from: HostId,
    request: Extract<JoinRequest, { kind: 'ticket' }>,
  ): Promise<Result<Welcome>> {
    const { identity, store, invitations, nowMs, onAdded, log } = this.#options;
    const redeemed = await invitations.redeem(request.invitation, request.secret, from);
    if (!redeemed.ok) return redeemed;
    if (!store.isMember(from)) {
      const entry = await store.sign(identity, (roster) =>
        success({
          kind: 'admit',
          cluster: roster.cluster,
          by: identity.host,
          atMs: nowMs(),
          peer: from,
          name: request.name,
        }),
      );
      if (!entry.ok) return entry;
      log.log('info', 'joined', `${request.name} (${from}) joined with a ticket.`, { peer: from });
      onAdded([entry.value]);
    }
    return success(this.#welcome(store.current, from));
  }

  async #introduce(
    from: HostId,
    request: Extract<JoinRequest, { kind: 'introduce' }>,
  ): Promise<Result<Welcome>> {
    const { identity, store, onAdded } = this.#options;
    const entries = await openEntries(request.entries, store.current);
    if (!entries.ok) return entries;
    // Looked at before it is stored: a stranger who proves nothing must not cost a write.
    if (!store.wouldAdmit(entries.value, from)) {
      return failure('not-a-member', 'These entries do not make this host a member here.');
    }
    const merged = await store.merge(entries.value);
    if (!merged.ok) return merged;
    if (merged.value.added.length > 0) onAdded(merged.value.added);
    const entriesOfOurs = proofOf(store.current, identity.host).map((entry) => entry.bytes);
    return success({ entries: entriesOfOurs, hints: [] });
  }

  /** The newcomer's proof and ours, then as much of the roster as fits; the rest comes with the first connection. */
  #welcome(roster: Roster, newcomer: HostId): Welcome {
    const { identity, hints } = this.#options;
    const first = [...proofOf(roster, newcomer), ...proofOf(roster, identity.host)];
    const entries = new Map<string, Uint8Array>();
    let bytes = 0;
    for (const entry of [...first, ...roster.order]) {
      if (entries.has(entry.hash)) continue;
      bytes += entry.bytes.length;
      if (bytes > welcomeBytesMax || entries.size >= limits.rosterEntries) break;
      entries.set(entry.hash, entry.bytes);
    }
    return { entries: [...entries.values()], hints: hints().slice(0, 128) };
  }
}

type Welcome = Omit<Extract<JoinAnswer, { kind: 'welcome' }>, 'kind'>;

function toAnswer(result: Result<Welcome>): JoinAnswer {
  if (result.ok) return { kind: 'welcome', ...result.value };
  return {
    kind: 'refused',
    code: result.code.slice(0, limits.code),
    message: result.message.slice(0, limits.detail),
  };
}
