import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostId } from '@barter/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Identity, openIdentity } from '../../src/network/identity.ts';
import { expel } from '../../src/network/membership.ts';
import { retireIdentity } from '../../src/network/retire.ts';
import { type EntryBody, honouredMax } from '../../src/network/roster-entry.ts';
import { RosterStore } from '../../src/network/roster-store.ts';
import { failure } from '../../src/result.ts';
import { type Host, Hosts, isFullyConnected, must, until } from './hosts.ts';
import { rawMember, reaches } from './raw-peer.ts';

let hosts: Hosts;
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(() => hosts.closeAll());

const stateDirectory = (host: Host) => join(host.folder, 'state');
const paths = (host: Host) => ({ keyFile: host.keyFile, stateDirectory: stateDirectory(host) });

async function three(): Promise<[Host, Host, Host]> {
  const made = await hosts.cluster('a', 'b', 'c');
  return made as [Host, Host, Host];
}

/** As `barter join TICKET --new-key` does it. */
async function rekey(host: Host, inviter: Host): Promise<HostId> {
  await host.close();
  must(await retireIdentity(paths(host)));
  const { host: id } = must(await host.join(await inviter.invite()));
  await host.open();
  return id;
}

async function expectRekeyed(all: readonly Host[], before: HostId, now: HostId): Promise<void> {
  expect(now).not.toBe(before);
  await until(() => all.every((host) => isFullyConnected(host, 3)), 'three are connected again');
  for (const host of all) {
    const called = host
      .network()
      .roster()
      .filter(({ name }) => name === 'b');
    expect(called.map((member) => member.host)).toEqual([now]);
  }
}

describe('a host gets a new key under its old name while the others go on', () => {
  test('expelled first, and the old key is of no use to anybody', async () => {
    const [a, b, c] = await three();
    const before = b.network().self;
    must(await a.network().expel(before));
    await until(() => isFullyConnected(c, 2), 'the others stay connected');
    const now = await rekey(b, c);
    await expectRekeyed([a, b, c], before, now);
    const retired = join(b.folder, `host.key.retired-${before.slice(-8)}`);
    expect((await stat(retired)).mode & 0o777).toBe(0o600);
    const node = await rawMember(retired);
    expect(await reaches(node, a.network())).toBe(false);
    await node.stop();
  });

  test('joined again first, and the old one expelled by its id afterwards', async () => {
    const [a, b, c] = await three();
    const before = b.network().self;
    const now = await rekey(b, a);
    must(await c.network().expel(before));
    await expectRekeyed([a, b, c], before, now);
  });

  test('a join that fails leaves the host with the key that it had', async () => {
    const [, b] = await three();
    const before = b.network().self;
    await b.close();
    const retired = must(await retireIdentity(paths(b)));
    expect(retired.host).toBe(before);
    expect(await readdir(stateDirectory(b))).not.toContain('roster.json');
    must(await retired.undo());
    expect((await b.open()).self).toBe(before);
  });

  test('a host without a key has nothing to retire', async () => {
    const host = await hosts.make('new');
    expect(must(await retireIdentity(paths(host))).host).toBeNull();
  });
});

describe('a member that let in more hosts than one expulsion can honour', () => {
  const admitted = honouredMax + 100;

  async function crowded(): Promise<{ a: Host; bad: HostId }> {
    const [a, b] = await hosts.cluster('a', 'b');
    if (a === undefined || b === undefined) throw new Error('two hosts were made');
    const identity = must(await openIdentity(b.keyFile));
    await b.close();
    await a.close();
    const store = must(await RosterStore.open(join(stateDirectory(a), 'roster.json')));
    must(await store.signAll(identity, ({ cluster }) => admissions(identity, cluster)));
    await a.open();
    expect(a.network().roster()).toHaveLength(2 + admitted);
    return { a, bad: identity.host };
  }

  function admissions(identity: Identity, cluster: string) {
    const bodies = Array.from(
      { length: admitted },
      (_, index): EntryBody => ({
        kind: 'admit',
        cluster,
        by: identity.host,
        atMs: 1,
        peer: peers[index] as HostId,
        name: `guest ${index}`,
      }),
    );
    return { ok: true, value: bodies } as const;
  }

  const peers: HostId[] = [];
  beforeEach(async () => {
    const { generateKeyPair } = await import('@libp2p/crypto/keys');
    const { peerIdFromPrivateKey } = await import('@libp2p/peer-id');
    while (peers.length < admitted) {
      const key = await generateKeyPair('Ed25519');
      peers.push(peerIdFromPrivateKey(key).toString() as HostId);
    }
  });

  test('can be expelled, and its guests stay', async () => {
    const { a, bad } = await crowded();
    must(await a.network().expel(bad));
    expect(a.network().roster()).toHaveLength(1 + admitted);
  });

  test('can be expelled with its guests', async () => {
    const { a, bad } = await crowded();
    must(await a.network().expel(bad, { withGuests: true }));
    expect(
      a
        .network()
        .roster()
        .map(({ name }) => name),
    ).toEqual(['a']);
  });
});

test('a roster that a member has filled says how to get rid of it', async () => {
  const identity = must(await openIdentity(join((await hosts.make('a')).folder, 'other.key')));
  const store = { signAll: async () => failure('roster-full', 'It is full.') };
  const options = { identity, store, clock: hosts.clock } as never;
  const answer = await expel(options, 'bad' as HostId, { withGuests: false });
  expect(!answer.ok && answer.message).toContain('barter expel bad --with-guests');
  expect(await expel(options, 'bad' as HostId, { withGuests: true })).toEqual(
    failure('roster-full', 'It is full.'),
  );
});
