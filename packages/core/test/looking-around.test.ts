/** How a host finds another that stands next to its domains' partners, and whom it does not bother meanwhile. */

import { describe, expect, it } from 'vitest';
import { keyOf, namedMax, RegionShelf, regionsOf } from '../src/information/region-shelf.ts';
import type { Location } from '../src/model/model.ts';
import { Hosts } from './support/hosts.ts';
import { hostId } from './support/world.ts';

const rackOfB: Location = ['pod0', 'rack-of-b'];
const partners = ['v2', 'v3', 'v4', 'v5', 'v6', 'v7'];
/** More than are told of each other without a reason. */
const names = ['a', 'b.1', 'b.2', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'];

/** All that v1 on host a talks to runs on b.1, which says nothing; b.2 stands beside it and is heard of by asking only. */
function cluster(talksTo: readonly string[] = partners): Hosts {
  const hosts = new Hosts(...names);
  hosts.lose = ({ message }) =>
    message.kind === 'summary' && !hosts.sent.some((sent) => sent.message.kind === 'near');
  for (const name of names) hosts.sample(name, {});
  hosts.sample('a', { v1: talksTo });
  hosts.sample('b.1', Object.fromEntries(partners.map((partner) => [partner, ['v1']])));
  hosts.take(hostId('a'), { kind: 'ordered', order: { order: 'mode', mode: 'auto' } });
  return hosts;
}

function asked(hosts: Hosts, from: string, region: Location): readonly string[] {
  return hosts.sent.flatMap(({ from: sender, to, message }) =>
    sender === from && message.kind === 'nearby' && keyOf(message.region) === keyOf(region)
      ? [to]
      : [],
  );
}

describe('looking around', () => {
  it('finds the neighbour of a full partner by asking the keepers of its rack', () => {
    const hosts = cluster();
    hosts.pass(20_000);
    expect(hosts.state('a').directory.peers.get(hostId('b.2'))).toMatchObject({
      summary: { location: rackOfB },
    });
    const { ring } = hosts.state('a').information;
    expect(ring.keepersOf(keyOf(rackOfB))).toEqual(
      expect.arrayContaining([...new Set(asked(hosts, 'a', rackOfB))]),
    );
  });

  it('asks nobody where there is nothing to gain', () => {
    const hosts = cluster(['v2']);
    hosts.pass(60_000);
    expect(asked(hosts, 'a', rackOfB)).toEqual([]);
  });

  it('does not ask again at once when nothing comes of it', () => {
    const hosts = cluster();
    const { lose } = hosts;
    hosts.lose = (sent) => lose(sent) || sent.message.kind === 'near';
    hosts.pass(600_000);
    const times = asked(hosts, 'a', rackOfB).length;
    expect(times).toBeGreaterThan(2);
    expect(times).toBeLessThanOrEqual(2 * (1 + 600 / 60));
  });

  it('is told of a neighbour that joined after the others', () => {
    const hosts = cluster();
    hosts.join('b.3');
    hosts.sample('b.3', {});
    hosts.pass(120_000);
    expect(hosts.state('a').directory.peers.has(hostId('b.3'))).toBe(true);
  });

  it('takes no answer in that it did not ask for, and no stranger', () => {
    const hosts = cluster(['v2']);
    hosts.sent.splice(0);
    const place = (host: string) => ({ host: hostId(host), name: host, location: rackOfB });
    const near = (from: string, host: string) =>
      hosts.take(hostId('a'), {
        kind: 'messageReceived',
        from: hostId(from),
        message: { kind: 'near', region: rackOfB, hosts: [place(host)] },
      });
    near('k', 'b.2');
    expect(hosts.takeSent('summary')).toEqual([]);
    hosts.state('a').information.asked.set(keyOf(rackOfB), hosts.nowMs);
    near('k', 'nobody');
    expect(hosts.takeSent('summary')).toEqual([]);
    near('k', 'b.2');
    expect(hosts.takeSent('summary')).toContain('a>b.2');
  });
});

describe('what a keeper of regions keeps', () => {
  const place = (name: string, location = rackOfB) => ({ host: hostId(name), name, location });
  const namesIn = (shelf: RegionShelf, region: Location, nowMs: number) =>
    shelf.draw(region, nowMs).map(({ name }) => name);

  it('knows the regions around a location, the narrowest first', () => {
    expect(regionsOf(['pod0', 'rack3'])).toEqual([['pod0', 'rack3'], ['pod0']]);
    expect(regionsOf([])).toEqual([]);
  });

  it('is forgotten unless it is said again, and with its host', () => {
    const shelf = new RegionShelf();
    shelf.keep(place('b.1'), rackOfB, 100);
    shelf.keep(place('b.2'), rackOfB, 200);
    expect(namesIn(shelf, rackOfB, 50)).toEqual(['b.1', 'b.2']);
    expect(namesIn(shelf, rackOfB, 150)).toEqual(['b.2']);
    expect(namesIn(shelf, ['pod0'], 50)).toEqual([]);
    shelf.forget(hostId('b.2'));
    shelf.expire(150);
    expect(namesIn(shelf, rackOfB, 0)).toEqual([]);
  });

  it('names a few of many, and all of them in time', () => {
    const shelf = new RegionShelf();
    for (let n = 0; n < 40; n++) shelf.keep(place(`b.${n}`), rackOfB, 1e9);
    const named = new Set<string>();
    for (let at = 0; at < 200; at++) {
      const some = namesIn(shelf, rackOfB, at * 1_000);
      expect(new Set(some).size).toBe(namedMax);
      for (const name of some) named.add(name);
    }
    expect(named.size).toBe(40);
  });

  it('is bounded, whoever says that it stands everywhere', () => {
    const shelf = new RegionShelf();
    for (let n = 0; n < 20_000; n++) shelf.keep(place('liar'), [`rack${n}`], 1e9);
    expect(namesIn(shelf, ['rack0'], 0)).toEqual(['liar']);
    expect(namesIn(shelf, ['rack19999'], 0)).toEqual([]);
    shelf.forget(hostId('liar'));
    shelf.expire(0);
    shelf.keep(place('b.1'), rackOfB, 100);
    expect(namesIn(shelf, rackOfB, 0)).toEqual(['b.1']);
  });
});
