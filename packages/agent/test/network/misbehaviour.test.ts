import type { Book, DealId, HostId } from '@barter/core';
import type { Stream } from '@libp2p/interface';
import fc from 'fast-check';
import * as lengthPrefixed from 'it-length-prefixed';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openIdentity } from '../../src/network/identity.ts';
import { signEntry } from '../../src/network/roster-entry.ts';
import { encodeFrame } from '../../src/network/sessions.ts';
import { book as arbitraryBook } from './arbitrary-messages.ts';
import { type Host, Hosts, must, until } from './hosts.ts';
import {
  dial,
  openPeerStream,
  type RawNode,
  rawMember,
  reaches,
  sendBytes,
  sendFrame,
} from './raw-peer.ts';

/** One honest host, and a member gone wrong with a connection to it. */
type Scene = Readonly<{ host: Host; bad: RawNode; badHost: HostId; stream: Stream }>;

let hosts: Hosts;
let bad: RawNode | undefined;
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(async () => {
  await bad?.stop();
  bad = undefined;
  await hosts.closeAll();
});

async function scene(): Promise<Scene> {
  const host = await hosts.make('honest');
  await host.init();
  await host.open();
  const member = await hosts.make('bad');
  const { host: badHost } = must(await member.join(await host.invite()));
  const node = await rawMember(member.keyFile);
  bad = node;
  const stream = await openPeerStream(await dial(node, host.network()));
  await until(() => host.network().peers()[0]?.connected === true, 'hello was heard');
  return { host, bad: node, badHost, stream };
}

const codes = (host: Host) => host.logged.map(({ code }) => code);

/** The peer was disconnected, was named in the log, and is not let in again for now. */
async function expectShutOut({ host, bad, badHost }: Scene): Promise<void> {
  await until(() => codes(host).includes('peer-shut-out'), 'the peer is shut out');
  await until(() => host.network().peers()[0]?.connected === false, 'it is disconnected');
  const said = host.logged.find(({ code }) => code === 'peer-shut-out');
  expect(said?.message).toContain(badHost);
  expect(await reaches(bad, host.network())).toBe(false);
}

describe('a member gone wrong is named in the log and shut out for a while', () => {
  test('when it announces a frame beyond the bound', async () => {
    const set = await scene();
    // Only the length is sent: nothing is buffered in the hope that the rest will come.
    set.stream.send(new Uint8Array([0xff, 0xff, 0xff, 0x7f]));
    await expectShutOut(set);
  });

  test('when it keeps sending frames that mean nothing; a few are forgiven', async () => {
    const set = await scene();
    for (let each = 0; each < 8; each += 1) sendBytes(set.stream, new Uint8Array([0x08, each]));
    await until(
      () => codes(set.host).filter((code) => code === 'peer-garbage').length === 8,
      'eight bad frames',
    );
    expect(set.host.network().peers()[0]?.connected).toBe(true);
    sendBytes(set.stream, new Uint8Array([0xff]));
    await expectShutOut(set);
  });

  test('when it floods', async () => {
    const set = await scene();
    // As one write, so that it is the receiver's speed that counts and not the sender's.
    const frame = lengthPrefixed.encode.single(must(encodeFrame({ kind: 'here' }))).subarray();
    set.stream.send(Buffer.concat(Array(80_000).fill(frame) as Uint8Array[]));
    await expectShutOut(set);
  });

  test('when it proposes deals without end; each would cost a search', async () => {
    const set = await scene();
    const heard: string[] = [];
    set.host.network().onMessage((_from, message) => heard.push(message.kind));
    const book = fc.sample(arbitraryBook, { seed: 1, numRuns: 1 })[0] as Book;
    for (let each = 0; each < 1500; each += 1) {
      const deal = `deal ${each}` as DealId;
      sendFrame(set.stream, {
        kind: 'core',
        message: { kind: 'propose', deal, expiresInMs: 1, book },
      });
    }
    await expectShutOut(set);
    expect(heard.length).toBeGreaterThanOrEqual(10);
    expect(heard.length).toBeLessThan(100);
  });

  test('when it asks without end', async () => {
    const set = await scene();
    let asked = 0;
    set.host.network().onRequest('view', async () => {
      asked += 1;
      return { ok: true, value: null };
    });
    const json = new TextEncoder().encode('null');
    for (let id = 0; id < 2500; id += 1) {
      sendFrame(set.stream, { kind: 'request', id, name: 'view', json });
    }
    await expectShutOut(set);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(1000);
  });

  test('when it opens streams without end', async () => {
    const set = await scene();
    const [connection] = set.bad.getConnections();
    let opened = 0;
    while (connection?.status === 'open' && opened < 5000) {
      opened += 1;
      const signal = AbortSignal.timeout(2000);
      await connection.newStream('/ipfs/ping/1.0.0', { signal }).then(
        (stream) => stream.abort(new Error('the next one')),
        () => {},
      );
    }
    await expectShutOut(set);
    expect(opened).toBeLessThan(400);
  });

  test('when it breaks rules that only the core knows', async () => {
    const set = await scene();
    for (let each = 0; each < 9; each += 1) set.host.network().suspect(set.badHost, 'it lied');
    await expectShutOut(set);
    set.host.network().suspect(set.badHost, 'it lied');
    const said = set.host.logged.filter(({ message }) => message.includes('it lied'));
    // The last line says that it is ignored; what it did before is not repeated.
    expect(said).toHaveLength(9);
  });

  test('when it vouches for nobody with signatures that are worth nothing', async () => {
    const set = await scene();
    for (let each = 0; each < 9; each += 1) {
      const stranger = must(await openIdentity(`${set.host.folder}/key-${each}`));
      const entry = must(
        await signEntry(stranger, {
          kind: 'admit',
          cluster: set.host.network().cluster.id,
          by: stranger.host,
          atMs: 1,
          peer: set.badHost,
          name: 'x',
        }),
      );
      sendFrame(set.stream, { kind: 'roster', entries: [entry.bytes] });
    }
    await expectShutOut(set);
    expect(set.host.network().roster()).toHaveLength(2);
  });
});

test('a member that does nothing but stall is shut out', { timeout: 90_000 }, async () => {
  const set = await scene();
  for (let round = 0; round < 12 && !codes(set.host).includes('peer-shut-out'); round += 1) {
    const connection = await dial(set.bad, set.host.network());
    for (let each = 0; each < 3; each += 1) {
      const stream = await openPeerStream(connection);
      stream.send(new Uint8Array([0x80, 0x80, 0x10, 1, 2, 3]));
    }
    await until(() => connection.status !== 'open', 'it is noticed');
  }
  await expectShutOut(set);
});

test('a member that stops in the middle of a frame is disconnected and named', async () => {
  const { host, badHost, stream } = await scene();
  stream.send(new Uint8Array([0x80, 0x80, 0x10, 1, 2, 3]));
  const beganAtMs = performance.now();
  await until(() => host.network().peers()[0]?.connected === false, 'it is disconnected');
  expect(performance.now() - beganAtMs).toBeLessThan(8000);
  const said = host.logged.find(({ code }) => code === 'silent');
  expect(said?.message).toContain(badHost);
});

describe('what a member cannot do', () => {
  test('answer a question that was asked of somebody else', async () => {
    const { host, stream } = await scene();
    const honest = await hosts.make('other');
    must(await honest.join(await host.invite()));
    const other = await honest.open();
    other.onRequest('slow', () => new Promise(() => {}));
    await until(
      () =>
        host
          .network()
          .peers()
          .some((peer) => peer.host === other.self && peer.connected),
      'the other is connected',
    );
    const asked = host.network().request(other.self, 'slow', null, 1000);
    for (let id = 0; id < 20; id += 1) {
      sendFrame(stream, { kind: 'answer', id, json: new TextEncoder().encode('"forged"') });
    }
    expect(await asked).toMatchObject({ ok: false, code: 'timeout' });
  });

  test('hold up its neighbours by not reading: old messages to it are dropped, and counted', async () => {
    const { host, stream } = await scene();
    stream.pause();
    const to = host.network().peers()[0]?.host as HostId;
    const detail = 'x'.repeat(1000);
    for (let each = 0; each < 12_000; each += 1) {
      host.network().send(to, { kind: 'abort', deal: `${each}` as DealId, detail });
    }
    stream.abort(new Error('over'));
    await until(() => codes(host).includes('messages-dropped'), 'the drops are logged');
  });
});
