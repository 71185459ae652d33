/** Who learns what from whom: keepers, homes, those who ask, and what happens when some of them are gone. */

import { describe, expect, it } from 'vitest';
import { addressOf, Hosts } from './support/hosts.ts';
import { giveAway, names, talking } from './support/talking.ts';
import { domainId, hostId } from './support/world.ts';

describe('finding a partner', () => {
  it('names it in the row, and knows its home, holder and place', () => {
    const hosts = talking();
    const state = hosts.state('a');
    expect(state.rows.get(domainId('v1'))).toEqual([
      { partner: domainId('v2'), bitsPerSecond: 1e6 },
    ]);
    expect(state.directory.find(domainId('v2'))).toMatchObject({
      home: 'b',
      holder: 'b',
      name: 'name of v2',
      certain: true,
    });
    expect(state.directory.location(hostId('b'))).toEqual(['pod0', 'rack-of-b']);
  });

  it('tells nobody of it who has nothing to do with it, except its keepers', () => {
    const hosts = talking();
    const { ring } = hosts.state('a').information;
    for (const name of ['c', 'd', 'e', 'f']) {
      const { directory, information } = hosts.state(name);
      expect(directory.find(domainId('v1'))).toBeUndefined();
      const keeps = ring.keepersOf('v1').includes(hostId(name));
      const keepsAddress = ring.keepersOf(addressOf('v1')).includes(hostId(name));
      const kept = information.shelf.find(domainId('v1'), hosts.nowMs);
      expect(kept !== undefined, name).toBe(keeps || keepsAddress);
    }
  });

  it('finds one that was started after somebody talked to its address', () => {
    const hosts = new Hosts(...names);
    hosts.sample('a', { v1: ['v2'] });
    hosts.pass(3_000);
    expect(hosts.state('a').rows.get(domainId('v1'))?.[0]?.partner).toBe('external');
    hosts.sample('b', { v2: [] });
    hosts.pass(5_000);
    expect(hosts.state('a').rows.get(domainId('v1'))?.[0]?.partner).toBe('v2');
  });

  it('asks less and less often for an address that nobody has', () => {
    const hosts = new Hosts(...names);
    hosts.sample('a', { v1: ['outside'] });
    hosts.pass(60_000);
    hosts.takeSent('seek');
    hosts.pass(600_000);
    const asked = hosts.takeSent('seek').length;
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(2 * 4);
  });

  it('asks on when the first answer is lost', () => {
    const hosts = new Hosts(...names);
    hosts.lose = ({ message }) => message.kind === 'found';
    hosts.sample('a', { v1: ['v2'] });
    hosts.sample('b', { v2: [] });
    hosts.pass(5_000);
    expect(hosts.holder('a', 'v2')).toBeUndefined();
    hosts.lose = () => false;
    hosts.pass(8_000);
    expect(hosts.holder('a', 'v2')).toBe('b');
  });

  it('is found through the second keeper while the first is dead', () => {
    for (const dead of names.slice(2)) {
      const hosts = new Hosts(...names);
      hosts.crash(dead);
      hosts.sample('b', { v2: [] });
      hosts.sample('a', { v1: ['v2'] });
      expect(hosts.holder('a', 'v2'), `while ${dead} is dead`).toBe('b');
    }
  });
});

describe('a change of holder', () => {
  it('reaches those who asked with the very next message', () => {
    const hosts = talking();
    giveAway(hosts, 'c');
    expect(hosts.holder('b', 'v1')).toBe('c');
    expect(hosts.state('b').directory.find(domainId('v1'))?.certain).toBe(true);
  });

  it('is told to nobody else', () => {
    const hosts = talking();
    hosts.takeSent('found');
    giveAway(hosts, 'c');
    expect(hosts.takeSent('found')).toContain('a>b');
    giveAway(hosts, 'd');
    expect(hosts.takeSent('found').filter((way) => way.startsWith('a>'))).toEqual(['a>b']);
  });

  it('is repeated until it is heard, as it is by then', () => {
    const hosts = talking();
    hosts.lose = ({ to, message }) => to === 'b' && message.kind === 'found';
    giveAway(hosts, 'c');
    giveAway(hosts, 'd');
    expect(hosts.holder('b', 'v1')).toBe('a');
    hosts.lose = () => false;
    hosts.pass(3_000);
    expect(hosts.holder('b', 'v1')).toBe('d');
    expect(hosts.state('a').information.unheard.size).toBe(0);
  });

  it('is not undone by an older message that comes late', () => {
    const hosts = talking();
    giveAway(hosts, 'c');
    const late = hosts.sent.findLast(({ to, message }) => to === 'b' && message.kind === 'found');
    giveAway(hosts, 'd');
    if (late === undefined) throw new Error('the change was told');
    hosts.take(hostId('b'), { kind: 'messageReceived', from: late.from, message: late.message });
    expect(hosts.holder('b', 'v1')).toBe('d');
  });

  it('is not believed from somebody whom nobody asked about it', () => {
    const hosts = talking();
    hosts.take(hostId('e'), {
      kind: 'messageReceived',
      from: hostId('f'),
      message: {
        kind: 'found',
        id: 0,
        domains: [
          {
            domain: domainId('v1'),
            name: 'v1',
            home: hostId('f'),
            holder: hostId('f'),
            version: 1e12,
            addresses: [addressOf('v1')],
          },
        ],
        unknown: [],
        places: [],
      },
    });
    expect(hosts.holder('e', 'v1')).toBeUndefined();
    expect(hosts.state('e').directory.byAddress(addressOf('v1'))).toBeUndefined();
  });

  it('no longer reaches who has not asked again for three refreshes', () => {
    const hosts = talking();
    hosts.sample('b', { v2: [] });
    hosts.pass(300_000);
    hosts.takeSent('found');
    giveAway(hosts, 'c');
    expect(hosts.takeSent('found')).not.toContain('a>b');
  });
});

describe('members that come and go', () => {
  it('a keeper that lost its memory is told anew', () => {
    const hosts = talking();
    const keeper = hosts
      .state('a')
      .information.announced.get(domainId('v1'))
      ?.keepers.find((host) => host !== 'b');
    if (keeper === undefined) throw new Error('v1 has a keeper other than b');
    hosts.crash(keeper);
    hosts.restart(keeper);
    expect(hosts.state(keeper).information.shelf.find(domainId('v1'), hosts.nowMs)).toMatchObject({
      home: 'a',
    });
  });

  it('a home that lost its memory is asked again by those who watch it', () => {
    const hosts = talking();
    hosts.crash('a');
    hosts.restart('a');
    hosts.sample('a', { v1: ['v2'] });
    hosts.pass(120_000);
    expect(hosts.state('a').information.watchers.get(domainId('v1'))?.has(hostId('b'))).toBe(true);
    giveAway(hosts, 'c');
    expect(hosts.holder('b', 'v1')).toBe('c');
  });

  it('a newcomer gets only the keys that are its own now', () => {
    const hosts = talking();
    hosts.takeSent('announce');
    for (const name of ['g', 'h', 'i', 'j']) hosts.join(name);
    const told = hosts.takeSent('announce');
    const { ring } = hosts.state('a').information;
    for (const name of ['g', 'h', 'i', 'j']) {
      const keeper = hostId(name);
      const keys = ['v1', addressOf('v1')];
      const keeps = keys.some((key) => ring.keepersOf(key).includes(keeper));
      const { shelf } = hosts.state(name).information;
      expect(shelf.find(domainId('v1'), hosts.nowMs) !== undefined, name).toBe(
        keeps || told.includes(`a>${name}`),
      );
      if (keeps) expect(told).toContain(`a>${name}`);
    }
    // Nobody whose keys stayed where they were heard anything.
    for (const way of told) expect(['g', 'h', 'i', 'j']).toContain(way.split('>')[1]);
  });

  it('what an expelled member ran is looked for elsewhere', () => {
    const hosts = talking();
    hosts.states.delete(hostId('a'));
    hosts.meet();
    expect(hosts.holder('b', 'v1')).toBeUndefined();
    hosts.sample('c', { v1: ['v2'] });
    hosts.pass(70_000);
    expect(hosts.holder('b', 'v1')).toBe('c');
  });
});

describe('load summaries', () => {
  it('go to everybody while there are few', () => {
    const hosts = talking();
    hosts.takeSent('summary');
    hosts.pass(5_000);
    const told = hosts.takeSent('summary').filter((way) => way.startsWith('a>'));
    expect(told.toSorted()).toEqual(['a>b', 'a>c', 'a>d', 'a>e', 'a>f']);
  });

  it('go to partners and to a logarithm of the others when there are many', () => {
    const many = Array.from({ length: 64 }, (_, index) => `h${index}`);
    const hosts = new Hosts(...many);
    hosts.sample('h0', { v1: ['v2'] });
    hosts.sample('h1', { v2: ['v1'] });
    hosts.pass(30_000);
    hosts.takeSent('summary');
    hosts.pass(25_000);
    const told = hosts.takeSent('summary').filter((way) => way.startsWith('h0>'));
    expect(told).toContain('h0>h1');
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(1 + 6);
  });

  it('are not heard from anybody but the host they are about', () => {
    const hosts = talking();
    const summary = hosts.state('a').lastSummary;
    if (summary === null) throw new Error('a has told its summary');
    const lie = { ...summary, sequence: summary.sequence + 9, stopped: true };
    hosts.take(hostId('b'), {
      kind: 'messageReceived',
      from: hostId('f'),
      message: { kind: 'summary', summary: lie, answer: false },
    });
    expect(hosts.state('b').directory.peers.get(hostId('a'))?.summary.stopped).toBe(false);
  });
});
