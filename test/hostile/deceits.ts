/**
 * Believable lies about oneself, at the pace of an honest agent: a summary each second, and an answer, or none, to what
 * is asked. Whoever checks messages one by one finds nothing wrong with any of them.
 */

import type { Book, DealId, HostLoad, LoadSummary, Message } from '@barter/core';
import * as lengthPrefixed from 'it-length-prefixed';
import { decode } from '../../packages/agent/src/network/wire/codec.ts';
import { frame } from '../../packages/agent/src/network/wire/frame.ts';
import { limits } from '../../packages/agent/src/network/wire/limits.ts';
import { summaryOf } from '../../packages/agent/test/network/hosts.ts';
import { openPeerStream, sendFrame } from '../../packages/agent/test/network/raw-peer.ts';
import type { Attack, Scene } from './attack.ts';
import { core, name } from './attack.ts';

const GiB = 2 ** 30;
const nothing: HostLoad = { memoryBytes: 0, vcpus: 0, cpu: 0, nicBitsPerSecond: 0 };
const capacity = {
  memoryBytes: 256 * GiB,
  vcpus: 64,
  nicBitsPerSecond: 1e10,
  memoryLimitBytes: 200 * GiB,
  vcpuLimit: 256,
  memoryTransientBytes: 256 * GiB,
};

/** An idle host with 200 GiB free, whose claims are other ones every time. */
function idle({ self }: Scene, second: number): LoadSummary {
  return {
    ...summaryOf(self, Date.now()),
    name: 'h3',
    location: [],
    mode: 'auto',
    stopped: false,
    capacity,
    load: nothing,
    measured: true,
    domains: 0,
    revision: second,
    tradedMsAgo: 0,
    room: { memoryBytes: 256 * GiB, vcpus: 256 },
  };
}

/** A book that offers ten VMs, of a host that holds nothing. */
function emptyBook({ self }: Scene, round: number): Book {
  return {
    host: self,
    name: 'h3',
    location: [],
    capacity,
    load: nothing,
    offers: Array.from({ length: 10 }, (_, index) => ({
      claim: { domain: name(round * 10 + index), home: self, holder: self, version: 1 },
      traits: {
        name: 'x',
        memoryBytes: 4 * GiB,
        vcpus: 1,
        cpu: 0.5,
        dirtyBytesPerSecond: 1,
        migrationBytes: 4 * GiB,
        policy: {},
      },
      row: [],
    })),
    fixed: { keepApart: [], keepTogether: [] },
    partners: [],
  };
}

/** Says something each second, and answers proposals. */
function deceit(
  title: string,
  what: string,
  eachSecond: (scene: Scene, second: number) => readonly Message[],
  answer: (proposal: Message & { kind: 'propose' }) => Message | undefined,
): Attack {
  return {
    name: title,
    what,
    needsTrade: true,
    async run(scene, isOver) {
      const stream = await openPeerStream(scene.connection);
      void (async () => {
        for await (const bytes of lengthPrefixed.decode(stream)) {
          const received = decode(frame, bytes.subarray(), limits.frameBytes);
          if (!received.ok) continue;
          const { value } = received;
          if (value.kind === 'there') sendFrame(stream, { kind: 'here' });
          if (value.kind !== 'core' || value.message.kind !== 'propose') continue;
          scene.proposals.add(value.message.deal);
          const said = answer(value.message);
          if (said !== undefined) sendFrame(stream, core(said));
        }
      })().catch(() => {});
      for (let second = 0; !isOver() && stream.status === 'open'; second += 1) {
        for (const message of eachSecond(scene, second)) sendFrame(stream, core(message));
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    },
  };
}

const tellsIdle = (scene: Scene, second: number): readonly Message[] => [
  { kind: 'summary', summary: idle(scene, second), answer: true },
];
const declines =
  (reason: 'no-gain' | 'not-trading') =>
  ({ deal }: Message & { kind: 'propose' }): Message => ({
    kind: 'decline',
    deal,
    reason,
    detail: 'no',
  });

export const deceits: readonly Attack[] = [
  deceit(
    'deceive-idle',
    'says that it is idle and has 200 GiB free, and gains nothing by any proposal',
    tellsIdle,
    declines('no-gain'),
  ),
  deceit(
    'deceive-trading',
    'says that it trades, and declines because it does not',
    tellsIdle,
    declines('not-trading'),
  ),
  deceit(
    'deceive-silent',
    'says that it trades, and lets every proposal lapse',
    tellsIdle,
    () => undefined,
  ),
  deceit(
    'deceive-book',
    'offers VMs from a book that says it holds none',
    (scene, second) =>
      second % 2 === 1
        ? tellsIdle(scene, second)
        : [
            {
              kind: 'propose',
              deal: `deceit-${second}` as DealId,
              expiresInMs: 1000,
              book: emptyBook(scene, second),
            },
          ],
    declines('no-gain'),
  ),
];
