import { afterEach, beforeEach, expect, test } from 'vitest';
import { rosterTopicOf } from '../../src/network/roster-gossip.ts';
import { decode } from '../../src/network/wire/codec.ts';
import { frame } from '../../src/network/wire/frame.ts';
import { limits } from '../../src/network/wire/limits.ts';
import { Hosts, until } from './hosts.ts';
import { dial, type RawNode, rawMember, rawNode } from './raw-peer.ts';

/** New entries are gossiped to whoever is a member, also without a stream of ours; strangers hear nothing. */

let hosts: Hosts;
const raw: RawNode[] = [];
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(async () => {
  await Promise.all(raw.splice(0).map((node) => node.stop()));
  await hosts.closeAll();
});

function subscribe(node: RawNode, topic: string): string[] {
  raw.push(node);
  const heard: string[] = [];
  node.services.gossip.addEventListener('message', ({ detail }) => {
    const read = decode(frame, detail.data, limits.frameBytes);
    heard.push(read.ok ? read.value.kind : read.message);
  });
  node.services.gossip.subscribe(topic);
  return heard;
}

test('an expulsion is gossiped to a member, and not to a stranger', async () => {
  const [a, b, c] = await hosts.cluster('a', 'b', 'c');
  if (!a || !b || !c) throw new Error('three hosts were made');
  const topic = rosterTopicOf(a.network().cluster.id);
  await c.close();
  const member = await rawMember(c.keyFile);
  const stranger = await rawNode();
  const heardByMember = subscribe(member, topic);
  const heardByStranger = subscribe(stranger, topic);
  await dial(stranger, a.network());
  await dial(member, a.network());
  await until(
    () => member.services.gossip.getSubscribers(topic).length > 0,
    'the member and the host have met',
  );
  await a.network().expel(b.network().self);
  await until(() => heardByMember.length > 0, 'the member hears of it');
  expect(heardByMember[0]).toBe('roster');
  expect(heardByStranger).toEqual([]);
});
