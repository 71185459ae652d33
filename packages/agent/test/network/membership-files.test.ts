import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostId } from '@barter/core';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressBook, announced, dialable } from '../../src/network/address-book.ts';
import { openIdentity } from '../../src/network/identity.ts';
import { Invitations } from '../../src/network/invitations.ts';
import { initCluster } from '../../src/network/join.ts';
import {
  type EntryBody,
  openEntry,
  signEntry,
  signedEntry,
} from '../../src/network/roster-entry.ts';
import { RosterStore } from '../../src/network/roster-store.ts';
import { printTicket, readTicket, type Ticket } from '../../src/network/ticket.ts';
import { decode, encode } from '../../src/network/wire/codec.ts';
import { must } from './hosts.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barter-membership-'));
});
afterEach(() => rm(folder, { recursive: true }));

const clock = { nowMs: () => 1000 };

describe('the key file', () => {
  test('is made once, for its owner only, and gives the same identity again', async () => {
    const path = join(folder, 'etc', 'host.key');
    const first = must(await openIdentity(path));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(must(await openIdentity(path)).host).toBe(first.host);
  });

  test('is refused when others can read it, with what to do', async () => {
    const path = join(folder, 'host.key');
    must(await openIdentity(path));
    await chmod(path, 0o640);
    const opened = await openIdentity(path);
    expect(opened).toMatchObject({ ok: false, code: 'key-permissions' });
    expect(!opened.ok && opened.message).toContain(`chmod 600 ${path}`);
  });

  test('is not overwritten when it holds something else', async () => {
    const path = join(folder, 'host.key');
    await writeFile(path, 'not a key', { mode: 0o600 });
    expect(await openIdentity(path)).toMatchObject({ ok: false, code: 'key-unreadable' });
    expect(await readFile(path, 'utf8')).toBe('not a key');
  });
});

describe('a signed entry', () => {
  const body = (by: HostId, peer: HostId): EntryBody => ({
    kind: 'admit',
    cluster: 'c'.repeat(43),
    by,
    atMs: 1,
    peer,
    name: 'a host',
  });

  test('is opened by anybody, and by nobody after a bit of it changed', async () => {
    const signer = must(await openIdentity(join(folder, 'a')));
    const peer = must(await openIdentity(join(folder, 'b'))).host;
    const entry = must(await signEntry(signer, body(signer.host, peer)));
    expect(must(await openEntry(entry.bytes))).toEqual(entry);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(entry.bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const bytes = entry.bytes.slice();
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          const opened = await openEntry(bytes);
          // A change that protobuf does not see leaves the very same entry.
          if (opened.ok) expect(opened.value.hash).toBe(entry.hash);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('with a signature of another length is forged, not an exception', async () => {
    const signer = must(await openIdentity(join(folder, 'a')));
    const entry = must(await signEntry(signer, body(signer.host, signer.host)));
    const signed = must(decode(signedEntry, entry.bytes, 10_000));
    for (const length of [0, 1, 63]) {
      const signature = signed.signature.subarray(0, length);
      const bytes = must(encode(signedEntry, { ...signed, signature }, 10_000));
      expect(await openEntry(bytes)).toMatchObject({ ok: false, code: 'forged' });
    }
  });

  test('signed with another key than it names is forged', async () => {
    const signer = must(await openIdentity(join(folder, 'a')));
    const victim = must(await openIdentity(join(folder, 'b'))).host;
    const forged = must(await signEntry(signer, body(victim, signer.host)));
    expect(await openEntry(forged.bytes)).toMatchObject({ ok: false, code: 'forged' });
  });

  test('signed by a peer whose key is no point on the curve is forged, not an exception', async () => {
    const signer = must(await openIdentity(join(folder, 'a')));
    for (let fill = 0; fill < 256; fill += 1) {
      // A peer id is the key itself: anybody can write one down that no private key belongs to.
      const key = publicKeyFromRaw(new Uint8Array(32).fill(fill));
      const by = peerIdFromPublicKey(key).toString() as HostId;
      const entry = must(await signEntry(signer, body(by, signer.host)));
      expect(await openEntry(entry.bytes)).toMatchObject({ ok: false });
    }
  });

  test('names peers by their canonical id only', async () => {
    const signer = must(await openIdentity(join(folder, 'a')));
    const alias = signer.peerId.toCID().toString() as HostId;
    for (const peer of [alias, 'nobody' as HostId]) {
      const entry = must(await signEntry(signer, body(signer.host, peer)));
      expect(await openEntry(entry.bytes)).toMatchObject({ ok: false, code: 'malformed' });
    }
  });
});

describe('the roster file', () => {
  const options = (name: string) => ({
    keyFile: join(folder, `${name}.key`),
    stateDirectory: join(folder, name),
    name,
    clock,
    clusterName: 'test',
  });

  test('is written once by init, readable by its owner only; init does not start a second cluster', async () => {
    must(await initCluster(options('a')));
    const path = join(folder, 'a', 'roster.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const before = await readFile(path, 'utf8');
    expect(await initCluster(options('a'))).toMatchObject({ ok: false, code: 'already-member' });
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readdir(join(folder, 'a'))).toEqual(['roster.json']);
  });

  test('survives a crash in the middle of a write', async () => {
    must(await initCluster(options('a')));
    const path = join(folder, 'a', 'roster.json');
    await writeFile(`${path}.new`, '{"version":1,"clus');
    const store = must(await RosterStore.open(path));
    const identity = must(await openIdentity(join(folder, 'a.key')));
    const peer = must(await openIdentity(join(folder, 'b.key'))).host;
    must(
      await store.sign(identity, (roster) => ({
        ok: true,
        value: {
          kind: 'admit',
          cluster: roster.cluster,
          by: identity.host,
          atMs: 1,
          peer,
          name: 'b',
        },
      })),
    );
    expect(must(await RosterStore.open(path)).isMember(peer)).toBe(true);
  });

  test.each([
    ['truncated', (content: string) => content.slice(0, -20)],
    ['of another cluster', (content: string) => content.replace(/"cluster": "./, '"cluster": "?')],
    ['with a changed signature', (content: string) => content.replace(/.{3}"\n \]/, 'AAA"\n ]')],
  ])('that is %s is refused, never half used', async (_, damage) => {
    must(await initCluster(options('a')));
    const path = join(folder, 'a', 'roster.json');
    await writeFile(path, damage(await readFile(path, 'utf8')));
    expect(await RosterStore.open(path)).toMatchObject({ ok: false, code: 'roster-corrupt' });
  });
});

describe('an invitation', () => {
  const peer = (name: string) => name as HostId;

  test('works once, for one peer, also across a restart', async () => {
    const path = join(folder, 'invitations.json');
    const before = must(await Invitations.open(path, clock));
    const { id, secret } = must(await before.create(1000));
    expect(await readFile(path, 'utf8')).not.toContain(Buffer.from(secret).toString('base64url'));
    const [first, second] = await Promise.all([
      before.redeem(id, secret, peer('a')),
      before.redeem(id, secret, peer('b')),
    ]);
    expect(first).toMatchObject({ ok: true });
    expect(second).toMatchObject({ ok: false, code: 'ticket-used' });
    const after = must(await Invitations.open(path, clock));
    expect(await after.redeem(id, secret, peer('b'))).toMatchObject({ code: 'ticket-used' });
    // The answer to the first may have been lost.
    expect(await after.redeem(id, secret, peer('a'))).toMatchObject({ ok: true });
  });

  test('expires', async () => {
    let nowMs = 0;
    const path = join(folder, 'invitations.json');
    const invitations = must(await Invitations.open(path, { nowMs: () => nowMs }));
    const { id, secret } = must(await invitations.create(1000));
    nowMs = 1000;
    expect(await invitations.redeem(id, secret, peer('a'))).toMatchObject({
      code: 'ticket-expired',
    });
  });

  test('is void after five wrong secrets, also across a restart', async () => {
    const path = join(folder, 'invitations.json');
    let invitations = must(await Invitations.open(path, clock));
    const { id, secret } = must(await invitations.create(1000));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const wrong = await invitations.redeem(id, new Uint8Array(16), peer('thief'));
      expect(wrong).toMatchObject({ ok: false, code: 'ticket-refused' });
      invitations = must(await Invitations.open(path, clock));
    }
    expect(await invitations.redeem(id, secret, peer('a'))).toMatchObject({
      code: 'ticket-refused',
    });
  });

  test('cannot be given out without end', async () => {
    const invitations = must(await Invitations.open(join(folder, 'invitations.json'), clock));
    for (let each = 0; each < 256; each += 1) must(await invitations.create(1000));
    expect(await invitations.create(1000)).toMatchObject({ ok: false, code: 'too-many' });
  });
});

describe('a ticket', () => {
  const ticket: Ticket = {
    cluster: 'c'.repeat(43),
    clusterName: 'production',
    inviter: '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN' as HostId,
    addresses: ['/ip4/192.0.2.1/tcp/7411', '/ip6/2001:db8::1/tcp/7411'],
    invitation: 'abcdefghijkl',
    secret: new Uint8Array(16).fill(7),
  };

  test('is one word that a double click selects, and reads back', () => {
    const printed = must(printTicket(ticket));
    expect(printed).toMatch(/^barter-[A-Za-z0-9_-]+$/);
    expect(must(readTicket(` ${printed}\n`))).toEqual(ticket);
  });

  test('that lost or changed a letter is told from one that is refused', () => {
    const printed = must(printTicket(ticket));
    fc.assert(
      fc.property(
        fc.nat(printed.length - 1),
        fc.constantFrom('', 'A', 'z', '7', '!'),
        (at, letter) => {
          const copied = printed.slice(0, at) + letter + printed.slice(at + 1);
          const read = readTicket(copied);
          if (read.ok) expect(read.value).toEqual(ticket);
          else expect(read.code).toBe('bad-ticket');
        },
      ),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readTicket(text).ok).toBe(false);
      }),
    );
  });
});

describe('the address book', () => {
  const a = 'a' as HostId;

  test('believes a peer about itself, and others only while it knows nothing', async () => {
    const path = join(folder, 'addresses.json');
    const book = await AddressBook.open(path);
    expect(book.learn(a, ['/ip4/192.0.2.1/tcp/1'], 'hearsay')).toBe(true);
    expect(book.learn(a, ['/ip4/192.0.2.2/tcp/1'], 'hearsay')).toBe(false);
    expect(
      book.learn(a, ['/ip4/192.0.2.3/tcp/1/p2p-circuit', '/ip4/192.0.2.3/tcp/1'], 'itself'),
    ).toBe(true);
    await book.settled();
    expect((await AddressBook.open(path)).addressesOf(a)).toEqual(['/ip4/192.0.2.3/tcp/1']);
    await writeFile(path, 'damaged');
    expect((await AddressBook.open(path)).hosts()).toEqual([]);
  });

  test.each([
    '',
    'x',
    '/ip4/1.2.3.4',
    '/ip4/1.2.3.4/udp/1',
    '/unix/tmp/x',
    `/dns/${'a'.repeat(200)}/tcp/1`,
  ])('does not take "%s" for an address', (address) => expect(dialable(address)).toEqual([]));

  test('announces what others can use: no loopback unless there is nothing else', async () => {
    const { multiaddr } = await import('@multiformats/multiaddr');
    const own = ['/ip4/127.0.0.1/tcp/1', '/ip4/192.0.2.1/tcp/1', '/ip6/fe80::1/tcp/1'];
    expect(announced(own.map((each) => multiaddr(each)))).toEqual(['/ip4/192.0.2.1/tcp/1']);
    expect(announced([multiaddr('/ip4/127.0.0.1/tcp/1')])).toEqual(['/ip4/127.0.0.1/tcp/1']);
  });
});
