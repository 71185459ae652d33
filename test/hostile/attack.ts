/** What an attack is, and the commonest one: frames at a steady rate, whatever they say. */

import type { DomainId, HostId, Message } from '@barter/core';
import type { Connection, Stream } from '@libp2p/interface';
import * as lengthPrefixed from 'it-length-prefixed';
import { encodeFrame } from '../../packages/agent/src/network/sessions.ts';
import type { Frame } from '../../packages/agent/src/network/wire/frame.ts';
import { must } from '../../packages/agent/test/network/hosts.ts';
import { openPeerStream, type RawNode } from '../../packages/agent/test/network/raw-peer.ts';
import type { Victim } from './victim.ts';

export type Attack = Readonly<{
  name: string;
  what: string;
  /** Against agents that have something to trade; otherwise against ones that have not. */
  needsTrade?: true;
  /** Does it once on a fresh connection; returns when the connection is gone or `isOver`. */
  run(scene: Scene, isOver: () => boolean): Promise<void>;
}>;

export type Scene = Readonly<{
  victim: Victim;
  node: RawNode;
  self: HostId;
  connection: Connection;
  /** The deals that were proposed to the attacker. */
  proposals: Set<string>;
}>;

/** Frames at a steady rate: a batch every twenty milliseconds, no more than the stream takes. */
async function steadily(
  stream: Stream,
  perSecond: number,
  isOver: () => boolean,
  next: () => Uint8Array,
): Promise<void> {
  const beganAtMs = performance.now();
  let sent = 0;
  while (!isOver() && stream.status === 'open') {
    const due = ((performance.now() - beganAtMs) / 1000) * perSecond;
    const batch: Uint8Array[] = [];
    for (; sent < due && batch.length < 2000; sent += 1) {
      batch.push(lengthPrefixed.encode.single(next()).subarray());
    }
    if (batch.length > 0) stream.send(Buffer.concat(batch));
    if (stream.writableNeedsDrain) await drained(stream);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function drained(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['drain', 'close'] as const) {
      stream.addEventListener(event, () => resolve(), { once: true });
    }
    setTimeout(resolve, 1000).unref();
  });
}

/** An attack that sends these frames, `madeAhead` different ones over and over. */
export function frames(
  name: string,
  what: string,
  perSecond: number,
  make: (scene: Scene, index: number) => Frame | Promise<Frame>,
  madeAhead = 1,
): Attack {
  return {
    name,
    what,
    async run(scene, isOver) {
      const stream = await openPeerStream(scene.connection);
      // What it answers is read and thrown away.
      void (async () => {
        for await (const _ of stream) if (isOver()) return;
      })().catch(() => {});
      const ahead: Uint8Array[] = [];
      for (let index = 0; index < madeAhead; index += 1) {
        ahead.push(must(encodeFrame(await make(scene, index))));
      }
      let index = 0;
      await steadily(stream, perSecond, isOver, () => {
        index += 1;
        return ahead[index % ahead.length] ?? new Uint8Array();
      });
    },
  };
}

export const core = (message: Message): Frame => ({ kind: 'core', message });
export const name = (index: number) => `made-up-${index}` as DomainId;
