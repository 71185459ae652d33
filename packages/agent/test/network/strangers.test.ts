import { mkdir, rm, rmdir } from 'node:fs/promises';
import * as lengthPrefixed from 'it-length-prefixed';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Gate } from '../../src/network/gate.ts';
import { openIdentity } from '../../src/network/identity.ts';
import { startRoster } from '../../src/network/roster.ts';
import { signEntry } from '../../src/network/roster-entry.ts';
import { ShutOuts } from '../../src/network/shut-out.ts';
import { printTicket, readTicket } from '../../src/network/ticket.ts';
import { decode, encode } from '../../src/network/wire/codec.ts';
import {
  type JoinAnswer,
  type JoinRequest,
  joinAnswer,
  joinProtocol,
  joinRequest,
  joinRequestBytesMax,
  peerProtocol,
} from '../../src/network/wire/frame.ts';
import { type Host, Hosts, must } from './hosts.ts';
import { dial, drain, type RawNode, rawMember, rawNode, sendBytes } from './raw-peer.ts';

let hosts: Hosts;
const raw: RawNode[] = [];
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(async () => {
  await Promise.all(raw.splice(0).map((node) => node.stop()));
  await hosts.closeAll();
});

async function stranger(): Promise<RawNode> {
  const node = await rawNode();
  raw.push(node);
  return node;
}

async function founded(): Promise<Host> {
  const host = await hosts.make('a');
  await host.init();
  await host.open();
  return host;
}

async function ask(node: RawNode, host: Host, request: JoinRequest): Promise<JoinAnswer | 'reset'> {
  const connection = await dial(node, host.network());
  const stream = await connection.newStream(joinProtocol);
  sendBytes(stream, must(encode(joinRequest, request, joinRequestBytesMax)));
  try {
    for await (const frame of lengthPrefixed.decode(stream)) {
      return must(decode(joinAnswer, frame.subarray(), 1e6));
    }
  } catch {
    // Reset: no answer at all.
  }
  return 'reset';
}

describe('a stranger', () => {
  test('gets nothing from any protocol but joining', async () => {
    const host = await founded();
    const requested: unknown[] = [];
    host.network().onRequest('status', async (from) => {
      requested.push(from);
      return { ok: true, value: null };
    });
    const node = await stranger();
    const protocols = [
      peerProtocol,
      '/ipfs/id/1.0.0',
      '/ipfs/id/push/1.0.0',
      '/ipfs/ping/1.0.0',
      '/meshsub/1.0.0',
      '/meshsub/1.1.0',
      '/meshsub/1.2.0',
      '/floodsub/1.0.0',
      '/barter/peer/2',
      '/barter/status/1',
    ];
    for (const protocol of protocols) {
      const connection = await dial(node, host.network());
      let reached = 0;
      try {
        const stream = await connection.newStream(protocol);
        sendBytes(stream, new Uint8Array(32));
        const { bytes } = await drain(stream);
        reached = bytes;
      } catch {
        // Not even negotiated, or reset before the first byte: just as good.
      }
      expect(reached, protocol).toBe(0);
    }
    expect(requested).toEqual([]);
    expect(host.network().peers()).toEqual([]);
  });

  test('cannot introduce itself with entries that it signed itself', async () => {
    const host = await founded();
    const thief = await hosts.make('thief');
    const membership = await thief.init();
    const identity = must(await openIdentity(thief.keyFile));
    const admit = must(
      await signEntry(identity, {
        kind: 'admit',
        cluster: host.network().cluster.id,
        by: membership.host,
        atMs: 1,
        peer: membership.host,
        name: 'thief',
      }),
    );
    const node = await rawMember(thief.keyFile);
    raw.push(node);
    const answer = await ask(node, host, { kind: 'introduce', entries: [admit.bytes] });
    expect(answer).toMatchObject({ kind: 'refused', code: 'not-a-member' });
    expect(host.network().roster()).toHaveLength(1);
  });

  test('that asks without end is soon not answered any more, and members do not notice', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    const node = await stranger();
    const connection = await dial(node, a.network());
    const question = must(
      encode(joinRequest, { kind: 'introduce', entries: [] }, joinRequestBytesMax),
    );
    let answered = 0;
    let unanswered = 0;
    while (unanswered === 0 && answered < 1000) {
      let bytes = 0;
      try {
        const stream = await connection.newStream(joinProtocol);
        sendBytes(stream, question);
        bytes = (await drain(stream)).bytes;
        await stream.close();
      } catch {
        // Reset before the question could be asked.
      }
      if (bytes > 0) answered += 1;
      else unanswered += 1;
    }
    expect(answered).toBeGreaterThan(10);
    expect(unanswered).toBe(1);
    expect(b.network().peers()[0]?.connected).toBe(true);
  });

  test('gets a reset for garbage and for more than fits, and the desk goes on', async () => {
    const host = await founded();
    const node = await stranger();
    const connection = await dial(node, host.network());
    for (const bytes of [new Uint8Array(50).fill(0xff), new Uint8Array(joinRequestBytesMax + 1)]) {
      const stream = await connection.newStream(joinProtocol);
      sendBytes(stream, bytes);
      expect((await drain(stream)).bytes).toBe(0);
    }
    const guest = await hosts.make('guest');
    must(await guest.join(await host.invite()));
  });
});

describe('strangers are few and short', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('the ninth at once is refused, and each is sent away after ten seconds', async () => {
    vi.useFakeTimers();
    const host = await hosts.make('a');
    await host.init();
    const identity = must(await openIdentity(host.keyFile));
    const found = must(
      await signEntry(identity, {
        kind: 'found',
        by: identity.host,
        atMs: 0,
        name: '',
        clusterName: '',
        nonce: 'n',
      }),
    );
    const roster = startRoster(found);
    if (roster === undefined) throw new Error('a founder starts a roster');
    const log = { log: () => {} };
    const gate = new Gate({
      roster: () => roster,
      shutOuts: new ShutOuts(log, () => {}),
      log,
      connections: () => [],
    });
    const aborted: string[] = [];
    const peers = await Promise.all(
      Array.from({ length: 9 }, async (_, index) => {
        const { peerId } = must(await openIdentity(`${host.folder}/stranger-${index}`));
        const closing: (() => void)[] = [];
        const connection = {
          remotePeer: peerId,
          remoteAddr: 'somewhere',
          addEventListener: (_: string, listener: () => void) => closing.push(listener),
          abort: () => {
            aborted.push(peerId.toString());
            for (const listener of closing) listener();
          },
        };
        return { peerId, connection: connection as never };
      }),
    );
    const denies = (index: number) =>
      gate.gater.denyInboundEncryptedConnection?.(peers[index]?.peerId as never, {} as never);
    for (let index = 0; index < 8; index += 1) {
      expect(denies(index)).toBe(false);
      gate.opened(peers[index]?.connection as never);
    }
    expect(denies(8)).toBe(true);
    vi.advanceTimersByTime(9_999);
    expect(aborted).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(aborted).toHaveLength(8);
    expect(denies(8)).toBe(false);
  });
});

describe('a ticket', () => {
  test('that was used admits nobody else', async () => {
    const host = await founded();
    const ticket = await host.invite();
    const [first, second] = await Promise.all([hosts.make('b'), hosts.make('c')]);
    must(await first.join(ticket));
    expect(await second.join(ticket)).toMatchObject({ ok: false, code: 'ticket-used' });
    expect(
      host
        .network()
        .roster()
        .map(({ name }) => name),
    ).toEqual(['a', 'b']);
    expect(await first.join(ticket)).toMatchObject({ ok: false, code: 'already-member' });
  });

  test('that has expired admits nobody', async () => {
    const host = await founded();
    const ticket = await host.invite(60_000);
    hosts.clock.advanceMs = 60_001;
    const late = await hosts.make('late');
    expect(await late.join(ticket)).toMatchObject({ ok: false, code: 'ticket-expired' });
    expect(host.network().roster()).toHaveLength(1);
  });

  test('with a guessed secret admits nobody, and after five guesses nor does the true one', async () => {
    const host = await founded();
    const ticket = await host.invite();
    const real = must(readTicket(ticket));
    const guess = must(printTicket({ ...real, secret: new Uint8Array(16) }));
    const thief = await hosts.make('thief');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await thief.join(guess)).toMatchObject({ ok: false, code: 'ticket-refused' });
    }
    const guest = await hosts.make('guest');
    expect(await guest.join(ticket)).toMatchObject({ ok: false, code: 'ticket-refused' });
    expect(host.network().roster()).toHaveLength(1);
  });

  test.each(['invitations.json', 'roster.json'])(
    'admits nobody while the inviter cannot make %s durable',
    async (file) => {
      const host = await founded();
      const ticket = await host.invite();
      const obstacle = `${host.folder}/state/${file}.new`;
      await mkdir(obstacle);
      const guest = await hosts.make('guest');
      const joined = await guest.join(ticket);
      expect(joined).toMatchObject({ ok: false, code: 'not-stored' });
      expect(!joined.ok && joined.message).not.toContain(host.folder);
      expect(host.network().roster()).toHaveLength(1);
      expect(host.logged.find(({ code }) => code === 'join-refused')?.message).toContain(obstacle);
      await rmdir(obstacle);
      must(await guest.join(ticket));
    },
  );

  test('survives a restart of the host that gave it out', async () => {
    const host = await founded();
    const ticket = await host.invite();
    const address = host.network().addresses()[0]?.split('/p2p/')[0] ?? '';
    await host.close();
    await host.open({ listen: address });
    const guest = await hosts.make('guest');
    must(await guest.join(ticket));
  });

  test('that names another cluster than its inviter belongs to is not believed', async () => {
    const host = await founded();
    const real = must(readTicket(await host.invite()));
    const forged = must(printTicket({ ...real, cluster: 'x'.repeat(43) }));
    const guest = await hosts.make('guest');
    expect(await guest.join(forged)).toMatchObject({ ok: false, code: 'forged' });
    expect(await guest.tryOpen()).toMatchObject({ ok: false, code: 'no-roster' });
  });

  test('whose inviter is not there says where it looked', async () => {
    const host = await founded();
    const ticket = await host.invite();
    await host.close();
    const guest = await hosts.make('guest');
    const joined = await guest.join(ticket);
    expect(joined).toMatchObject({ ok: false, code: 'unreachable' });
    expect(!joined.ok && joined.message).toContain('/ip4/127.0.0.1/tcp/');
  });

  test('does not bring back a host that was expelled', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    must(await a.network().expel(b.network().self));
    await b.close();
    await rm(`${b.folder}/state`, { recursive: true });
    const joined = await b.join(await a.invite());
    expect(joined.ok).toBe(false);
    expect(a.network().roster()).toHaveLength(1);
  });
});
