/**
 * What travels on the two protocols of ours: frames between members (`/barter/peer/1`), and the one
 * question and answer of somebody who is not a member yet (`/barter/join/1`). See `barter.proto`.
 */

import type { HostId, Message } from '@barter/core';
import { blob, type Codec, count, text } from './codec.ts';
import { list, message, one, union } from './fields.ts';
import { limits } from './limits.ts';
import { coreMessage } from './message-codec.ts';
import { hostId } from './model-codec.ts';

export const peerProtocol = '/barter/peer/1';
export const joinProtocol = '/barter/join/1';

/** Where a peer was reached last: a hint, because whoever answers there must prove who it is. */
export type Hint = Readonly<{ host: HostId; addresses: readonly string[] }>;

export type Frame =
  /** The first frame in both directions. */
  | Readonly<{
      kind: 'hello';
      version: number;
      name: string;
      /** Tells whether the rosters differ. */
      rosterDigest: Uint8Array;
      addresses: readonly string[];
    }>
  | Readonly<{ kind: 'roster'; entries: readonly Uint8Array[] }>
  | Readonly<{ kind: 'hints'; hints: readonly Hint[] }>
  | Readonly<{ kind: 'core'; message: Message }>
  /** `json` is UTF-8 text. */
  | Readonly<{ kind: 'request'; id: number; name: string; json: Uint8Array }>
  | Readonly<{ kind: 'answer'; id: number; json: Uint8Array }>
  | Readonly<{ kind: 'failure'; id: number; code: string; message: string }>
  /** Are you there? Answered at once with `here`. */
  | Readonly<{ kind: 'there' }>
  | Readonly<{ kind: 'here' }>;

type Body<Kind extends Frame['kind']> = Omit<Extract<Frame, { kind: Kind }>, 'kind'>;

const addresses = list(2, text(limits.multiaddr), limits.multiaddrs);
const hint = message<Hint>('Hint', { host: one(1, hostId), addresses });
const json = blob(limits.jsonBytes);

export const frame: Codec<Frame> = union<Frame>('Frame', {
  hello: [
    1,
    message<Body<'hello'>>('Hello', {
      version: one(1, count),
      addresses,
      name: one(3, text(limits.name)),
      rosterDigest: one(4, blob(32)),
    }),
  ],
  roster: [
    2,
    message<Body<'roster'>>('RosterEntries', {
      entries: list(1, blob(limits.rosterEntryBytes), limits.rosterEntries),
    }),
  ],
  hints: [3, message<Body<'hints'>>('Hints', { hints: list(1, hint, limits.hints) })],
  core: [4, message<Body<'core'>>('Core', { message: one(1, coreMessage) })],
  request: [
    6,
    message<Body<'request'>>('Request', {
      id: one(1, count),
      name: one(2, text(limits.name, { min: 1 })),
      json: one(3, json),
    }),
  ],
  answer: [7, message<Body<'answer'>>('Answer', { id: one(1, count), json: one(2, json) })],
  failure: [
    8,
    message<Body<'failure'>>('Failure', {
      id: one(1, count),
      code: one(2, text(limits.code)),
      message: one(3, text(limits.detail)),
    }),
  ],
  there: [9, message<Body<'there'>>('There', {})],
  here: [10, message<Body<'here'>>('Here', {})],
});

export type JoinRequest =
  /** With a ticket: sign me in. */
  | Readonly<{ kind: 'ticket'; invitation: string; secret: Uint8Array; name: string }>
  /** I am a member already; these entries prove it to a member that has not heard of me. */
  | Readonly<{ kind: 'introduce'; entries: readonly Uint8Array[] }>;

export type JoinAnswer =
  | Readonly<{
      kind: 'welcome';
      entries: readonly Uint8Array[];
      hints: readonly Hint[];
    }>
  | Readonly<{ kind: 'refused'; code: string; message: string }>;

/** A proof of membership is a chain of entries; longer ones are refused. */
export const proofMax = 64;
export const joinRequestBytesMax = 96 * 1024;

export const joinRequest: Codec<JoinRequest> = union<JoinRequest>('JoinRequest', {
  ticket: [
    1,
    message<Omit<Extract<JoinRequest, { kind: 'ticket' }>, 'kind'>>('Redeem', {
      invitation: one(1, text(32, { min: 1 })),
      secret: one(2, blob(32)),
      name: one(3, text(limits.name)),
    }),
  ],
  introduce: [
    2,
    message<Omit<Extract<JoinRequest, { kind: 'introduce' }>, 'kind'>>('Introduce', {
      entries: list(1, blob(1536), proofMax),
    }),
  ],
});

export const joinAnswer: Codec<JoinAnswer> = union<JoinAnswer>('JoinAnswer', {
  welcome: [
    1,
    message<Omit<Extract<JoinAnswer, { kind: 'welcome' }>, 'kind'>>('Welcome', {
      entries: list(1, blob(limits.rosterEntryBytes), limits.rosterEntries),
      hints: list(2, hint, limits.hints),
    }),
  ],
  refused: [
    2,
    message<Omit<Extract<JoinAnswer, { kind: 'refused' }>, 'kind'>>('Refused', {
      code: one(1, text(limits.code)),
      message: one(2, text(limits.detail)),
    }),
  ],
});
