/** Every `Message` of the core on the wire: one message of `barter.proto` for each kind. */

import type {
  DealId,
  Exchange,
  HostPlace,
  Message,
  MigrationStatistics,
  SettlementId,
} from '@barter/core';
import { amount, type Codec, count, finite, flag, sentence, text, word } from './codec.ts';
import { list, message, one, optional, union } from './fields.ts';
import { announce, found } from './information-codec.ts';
import { limits } from './limits.ts';
import { book, domainId, hostId, loadSummary, offer } from './model-codec.ts';

type Body<Kind extends Message['kind']> = Omit<Extract<Message, { kind: Kind }>, 'kind'>;

const dealId = text<DealId>(limits.id, { min: 1 });
const settlementId = text<SettlementId>(limits.id, { min: 1 });
const detail = sentence(limits.detail);

const exchange = message<Exchange>('Exchange', {
  give: list(1, domainId, limits.exchange),
  take: list(2, domainId, limits.exchange),
});

const statistics = message<MigrationStatistics>('MigrationStatistics', {
  bytes: one(1, amount),
  durationMs: one(2, amount),
  downtimeMs: one(3, amount),
});

const declineReason = word(
  'busy',
  'no-gain',
  'not-trading',
  'not-measured',
  'backed-off',
  'refused',
);

const refuseReason = word(
  'not-holder',
  'mode',
  'needs-approval',
  'stopped',
  'busy',
  'policy',
  'blocked',
  'cooldown',
  'window',
  'gone',
  'check-failed',
  'no-room',
);

const levels = (number: number) => list(number, text(limits.name), limits.locationLevels);

const standing = message<HostPlace>('StandingHost', {
  host: one(1, hostId),
  name: one(2, text(limits.name)),
  location: levels(3),
});

const dealOnly = (name: string) => message<{ deal: DealId }>(name, { deal: one(1, dealId) });

export const coreMessage: Codec<Message> = union<Message>('Message', {
  propose: [
    1,
    message<Body<'propose'>>('Propose', {
      deal: one(1, dealId),
      expiresInMs: one(2, amount),
      book: one(3, book),
      meeting: optional(4, domainId),
    }),
  ],
  accept: [
    2,
    message<Body<'accept'>>('Accept', {
      deal: one(1, dealId),
      exchange: one(2, exchange),
      book: one(3, book),
      gainBitsPerSecond: one(4, finite),
    }),
  ],
  decline: [
    3,
    message<Body<'decline'>>('Decline', {
      deal: one(1, dealId),
      reason: one(2, declineReason),
      detail: one(3, detail),
      revision: optional(4, count),
    }),
  ],
  commit: [4, dealOnly('Commit')],
  abort: [5, message<Body<'abort'>>('Abort', { deal: one(1, dealId), detail: one(2, detail) })],
  inquire: [6, dealOnly('Inquire')],
  acknowledge: [7, dealOnly('Acknowledge')],
  void: [8, dealOnly('Void')],
  transfer: [
    9,
    message<Body<'transfer'>>('Transfer', {
      domain: one(1, domainId),
      version: one(2, count),
      to: one(3, hostId),
      deal: one(4, dealId),
    }),
  ],
  transferred: [
    10,
    message<Body<'transferred'>>('Transferred', {
      domain: one(1, domainId),
      version: one(2, count),
    }),
  ],
  renew: [
    11,
    message<Body<'renew'>>('Renew', { domain: one(1, domainId), version: one(2, count) }),
  ],
  renewed: [
    12,
    message<Body<'renewed'>>('Renewed', {
      domain: one(1, domainId),
      version: one(2, count),
      leaseMs: one(3, amount),
      offer: one(4, offer),
    }),
  ],
  revoked: [
    13,
    message<Body<'revoked'>>('Revoked', {
      domain: one(1, domainId),
      version: one(2, count),
      detail: one(3, detail),
    }),
  ],
  hurry: [
    26,
    message<Body<'hurry'>>('Hurry', {
      domain: one(1, domainId),
      version: one(2, count),
      urgencyPerByte: one(3, amount),
    }),
  ],
  settle: [
    14,
    message<Body<'settle'>>('Settle', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
      version: one(3, count),
      leaseMs: one(4, amount),
    }),
  ],
  settling: [
    15,
    message<Body<'settling'>>('Settling', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
    }),
  ],
  refuse: [
    16,
    message<Body<'refuse'>>('Refuse', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
      reason: one(3, refuseReason),
      detail: one(4, detail),
    }),
  ],
  settled: [
    17,
    message<Body<'settled'>>('Settled', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
      moved: one(3, flag),
      detail: one(4, detail),
      statistics: optional(5, statistics),
    }),
  ],
  query: [
    18,
    message<Body<'query'>>('Query', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
      version: one(3, count),
    }),
  ],
  locate: [
    19,
    message<Body<'locate'>>('Locate', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
      question: one(3, count),
      giveUp: one(4, flag),
    }),
  ],
  located: [
    20,
    message<Body<'located'>>('Located', {
      settlement: one(1, settlementId),
      domain: one(2, domainId),
      presence: one(3, word('running', 'paused', 'arriving', 'absent')),
      arrival: one(4, word('open', 'refused', 'arrived', 'unclear')),
      question: one(5, count),
    }),
  ],
  summary: [
    21,
    message<Body<'summary'>>('Summary', { summary: one(1, loadSummary), answer: one(2, flag) }),
  ],
  announce: [22, announce],
  seek: [
    23,
    message<Body<'seek'>>('Seek', {
      domains: list(1, domainId, limits.sought),
      addresses: list(2, text(limits.macAddress), limits.sought),
    }),
  ],
  found: [24, found],
  nearby: [
    27,
    message<Body<'nearby'>>('Nearby', {
      region: levels(1),
      location: levels(2),
    }),
  ],
  near: [
    28,
    message<Body<'near'>>('Near', {
      region: levels(1),
      hosts: list(2, standing, limits.standing),
    }),
  ],
  heard: [
    25,
    message<Body<'heard'>>('Heard', {
      id: one(1, count),
      unwatched: list(2, domainId, limits.sought),
    }),
  ],
});
