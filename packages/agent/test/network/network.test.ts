import { rm } from 'node:fs/promises';
import type { DealId, HostId, Message } from '@barter/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dialTargets } from '../../src/network/dial-targets.ts';
import { openIdentity } from '../../src/network/identity.ts';
import { RosterStore } from '../../src/network/roster-store.ts';
import { Hosts, isFullyConnected, must, until } from './hosts.ts';
import { dial, openPeerStream, rawMember, reaches, readFrames, sendFrame } from './raw-peer.ts';

let hosts: Hosts;
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(() => hosts.closeAll());

const inquire = (deal: string): Message => ({ kind: 'inquire', deal: deal as DealId });

describe('three hosts make a cluster with init, invite and join', () => {
  test('they find each other, and each message reaches exactly the one it is for', async () => {
    const [a, b, c] = await hosts.cluster('a', 'b', 'c');
    if (!a || !b || !c) throw new Error('three hosts were made');
    const seen: string[] = [];
    for (const host of [a, b, c]) {
      host.network().onMessage((from, message) => {
        if (message.kind === 'inquire') seen.push(`${from} to ${host.name}: ${message.deal}`);
      });
    }
    b.network().send(c.network().self, inquire('from b'));
    c.network().send(a.network().self, inquire('from c'));
    await until(() => seen.length === 2, 'both messages');
    expect(seen.sort()).toEqual(
      [`${b.network().self} to c: from b`, `${c.network().self} to a: from c`].sort(),
    );
    expect(
      a
        .network()
        .roster()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  });
});

describe('requests', () => {
  test('are answered by the handler of that name, with its value or its failure', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    b.network().onRequest('double', async (from, body) =>
      typeof body === 'number'
        ? { ok: true, value: { from, twice: body * 2 } }
        : { ok: false, code: 'no-number', message: 'Send a number.' },
    );
    const to = b.network().self;
    const answers = await Promise.all(
      [1, 2, 3].map((each) => a.network().request(to, 'double', each, 5000)),
    );
    expect(answers.map((answer) => must(answer))).toEqual(
      [2, 4, 6].map((twice) => ({ from: a.network().self, twice })),
    );
    expect(await a.network().request(to, 'double', 'x', 5000)).toEqual({
      ok: false,
      code: 'no-number',
      message: 'Send a number.',
    });
    expect(await a.network().request(to, 'halve', 1, 5000)).toMatchObject({
      code: 'unknown-request',
    });
  });

  test('end with timeout when the handler does not, and with unreachable when nobody is there', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    b.network().onRequest('never', () => new Promise(() => {}));
    const to = b.network().self;
    expect(await a.network().request(to, 'never', null, 50)).toMatchObject({ code: 'timeout' });
    const pending = a.network().request(to, 'never', null, 60_000);
    await b.close();
    expect(await pending).toMatchObject({ code: 'unreachable' });
    expect(await a.network().request(to, 'never', null, 60_000)).toMatchObject({
      code: 'unreachable',
    });
  });

  test('beyond 64 at once are answered busy, and the first 64 still end', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    const release = Promise.withResolvers<void>();
    b.network().onRequest('wait', async () => {
      await release.promise;
      return { ok: true, value: null };
    });
    const asked = Array.from({ length: 70 }, () =>
      a.network().request(b.network().self, 'wait', null, 10_000),
    );
    const refused = await Promise.all(asked.slice(64));
    expect(refused.map((each) => !each.ok && each.code)).toEqual(Array(6).fill('busy'));
    release.resolve();
    expect((await Promise.all(asked.slice(0, 64))).every((each) => each.ok)).toBe(true);
  });

  test('and answers beyond 256 KiB are refused with a reason', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    const large = 'x'.repeat(300_000);
    b.network().onRequest('large', async () => ({ ok: true, value: large }));
    const to = b.network().self;
    expect(await a.network().request(to, 'large', null, 5000)).toMatchObject({ code: 'too-large' });
    expect(await a.network().request(to, 'large', large, 5000)).toMatchObject({
      code: 'too-large',
    });
  });
});

describe('peers that go and come', () => {
  test('a peer that ends is noticed, and found again when it restarts on another port', async () => {
    const [a, b, c] = await hosts.cluster('a', 'b', 'c');
    if (!a || !b || !c) throw new Error('three hosts were made');
    const told: string[] = [];
    const id = b.network().self;
    a.network().onPeers((peers) => {
      const state = peers.find((peer) => peer.host === id);
      told.push(state?.connected === true ? 'up' : 'down');
    });
    await b.close();
    await until(() => told.at(-1) === 'down', 'a learns that b is gone');
    await b.open();
    await until(() => told.at(-1) === 'up', 'a learns that b is back');
    await until(() => [a, b, c].every((host) => isFullyConnected(host, 3)), 'full mesh again');
  });

  test('after all of them restart they find each other by what they remember', async () => {
    const all = await hosts.cluster('a', 'b', 'c');
    const ports = all.map((host) => host.network().addresses()[0]?.split('/p2p/')[0] ?? '');
    await Promise.all(all.map((host) => host.close()));
    await Promise.all(all.map((host, index) => host.open({ listen: ports[index] ?? '' })));
    await until(() => all.every((host) => isFullyConnected(host, 3)), 'full mesh again');
  });

  test('a member that nobody online has heard of yet proves itself with signed entries', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    const address = b.network().addresses()[0]?.split('/p2p/')[0] ?? '';
    await b.close();
    const c = await hosts.make('c');
    must(await c.join(await a.invite()));
    await a.close();
    // b was away when c joined through a, and a is away now.
    await b.open({ listen: address });
    await c.open();
    await until(
      () =>
        b
          .network()
          .peers()
          .some((peer) => peer.connected),
      'b and c meet',
    );
    expect(
      b
        .network()
        .roster()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  });

  test('a member that was away hears from any other who joined meanwhile, and who was expelled', async () => {
    const [a, b, c] = await hosts.cluster('a', 'b', 'c');
    if (!a || !b || !c) throw new Error('three hosts were made');
    await b.close();
    const d = await hosts.make('d');
    must(await d.join(await a.invite()));
    must(await a.network().expel(c.network().self));
    await c.close();
    await b.open();
    const names = () =>
      b
        .network()
        .roster()
        .map(({ name }) => name)
        .sort()
        .join();
    await until(() => names() === 'a,b,d', 'b knows what happened');
  });

  test('with nothing remembered, a bootstrap address is enough', async () => {
    const [a, b] = await hosts.cluster('a', 'b');
    if (!a || !b) throw new Error('two hosts were made');
    const address = a.network().addresses()[0]?.split('/p2p/')[0] ?? '';
    await Promise.all([a.close(), b.close()]);
    for (const host of [a, b]) await rm(`${host.folder}/state/addresses.json`, { force: true });
    await a.open({ listen: address });
    await b.open({ bootstrap: [address] });
    await until(() => isFullyConnected(a, 2) && isFullyConnected(b, 2), 'b finds a');
  });
});

describe('two streams between the same two', () => {
  test('are both kept alive: each question is answered where it was asked', async () => {
    const host = await hosts.make('a');
    await host.init();
    await host.open();
    const member = await hosts.make('b');
    must(await member.join(await host.invite()));
    const node = await rawMember(member.keyFile);
    try {
      const connection = await dial(node, host.network());
      const first = await openPeerStream(connection);
      await openPeerStream(connection);
      const answered = readFrames(first, (frame) => frame.kind === 'here');
      await until(() => host.network().peers()[0]?.connected === true, 'hello was heard');
      sendFrame(first, { kind: 'there' });
      await answered;
    } finally {
      await node.stop();
    }
  });
});

describe('a cluster too large for everybody to be connected to everybody', () => {
  test('still lets any member be asked: it is dialled when there is something to ask', async () => {
    const a = await hosts.make('a');
    const { host: self } = await a.init();
    const identity = must(await openIdentity(a.keyFile));
    const store = must(await RosterStore.open(`${a.folder}/state/roster.json`));
    const members: HostId[] = [self];
    for (let index = 0; index < 70; index += 1) {
      const peer = must(await openIdentity(`${a.folder}/keys/${index}`)).host;
      members.push(peer);
      must(
        await store.sign(identity, ({ cluster }) => ({
          ok: true,
          value: { kind: 'admit', cluster, by: self, atMs: 0, peer, name: `${index}` },
        })),
      );
    }
    // Somebody who is not among those that a stays connected to.
    const b = await hosts.make('b');
    for (;;) {
      const drawn = must(await openIdentity(b.keyFile)).host;
      if (!dialTargets(self, [...members, drawn]).includes(drawn)) break;
      await rm(b.keyFile);
    }
    await a.open();
    must(await b.join(await a.invite()));
    (await b.open()).onRequest('echo', async (_, body) => ({ ok: true, value: body }));
    b.network().onRequest('back', async () => b.network().request(self, 'echo', 'back', 5000));
    a.network().onRequest('echo', async (_, body) => ({ ok: true, value: body }));
    // Only the inviter was told to b; b tells nobody, so a has to be asked first.
    expect(must(await b.network().request(self, 'echo', 1, 10_000))).toBe(1);
    expect(must(await a.network().request(b.network().self, 'back', null, 10_000))).toBe('back');
  });
});

test('a port that is taken is a failure that says so', async () => {
  const [a, b] = await Promise.all([hosts.make('a'), hosts.make('b')]);
  await Promise.all([a.init(), b.init()]);
  const address = (await a.open()).addresses()[0]?.split('/p2p/')[0] ?? '';
  await expect(b.open({ listen: address })).rejects.toThrow(/listen-failed: .*another agent/);
});

describe('a peer that is expelled', () => {
  test('is disconnected by everybody, stays out, and its guests stay in', async () => {
    const [a, b, c] = await hosts.cluster('a', 'b', 'c');
    if (!a || !b || !c) throw new Error('three hosts were made');
    const d = await hosts.make('d');
    must(await d.join(await b.invite()));
    await d.open();
    await until(() => [a, b, c, d].every((host) => isFullyConnected(host, 4)), 'full mesh of four');
    const expelled = b.network().self;
    must(await a.network().expel(expelled));
    const others = [a, c, d];
    const node = await rawMember(b.keyFile);
    expect(await reaches(node, a.network())).toBe(false);
    await node.stop();
    await until(() => others.every((host) => isFullyConnected(host, 3)), 'three are left');
    expect(others.map((host) => host.network().roster().length)).toEqual([3, 3, 3]);
    await until(
      () =>
        b
          .network()
          .peers()
          .every((peer) => !peer.connected),
      'b is alone',
    );

    await b.close();
    const reopened = await b.tryOpen();
    // It heard of its expulsion, or it did not: either way nobody talks to it.
    if (reopened.ok) {
      await until(
        () => b.logged.some(({ code }) => code === 'unreachable'),
        'b tries, and is refused',
      );
      expect(
        b
          .network()
          .peers()
          .filter((peer) => peer.connected),
      ).toEqual([]);
    } else {
      expect(reopened.code).toBe('expelled');
    }
    expect(await a.network().expel('nobody' as HostId)).toMatchObject({ code: 'not-a-member' });
    expect(await a.network().expel(a.network().self)).toMatchObject({ code: 'self' });
  });
});
