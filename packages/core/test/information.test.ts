/** Who learns what from whom: keepers, homes, those who ask, and what happens when some of them are gone. */

import { describe, expect, it } from 'vitest';
import { holderOf } from '../src/claims/book.ts';
import type { SettlementId } from '../src/model/model.ts';
import { addressOf, entryOf, Hosts } from './support/hosts.ts';
import { domainId, hostId } from './support/world.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** v1 runs on a, v2 on b, and they talk. */
function talking(): Hosts {
  const hosts = new Hosts(...names);
  hosts.sample('a', { v1: ['v2'] });
  hosts.sample('b', { v2: ['v1'] });
  hosts.pass(5_000);
  return hosts;
}

/** v1's claim goes from a to another host, as its home a registers it. */
function moveClaim(hosts: Hosts, to: string): void {
  const { version, holder } = entryOf(hosts.state('a'), 'v1');
  hosts.take(hostId('a'), {
    kind: 'messageReceived',
    from: holder,
    message: {
      kind: 'transfer',
      domain: domainId('v1'),
      version: version + 1,
      to: hostId(to),
      deal: 'deal' as never,
    },
  });
}

/** As a deal does at the giver: the home gives its own claim away. */
function giveAway(hosts: Hosts, to: string): void {
  moveClaim(hosts, to);
}

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

describe('a domain that comes or goes', () => {
  it('is followed from here to a new home that knew nothing of it, and so began its versions as this one had', () => {
    const hosts = talking();
    const { directory } = hosts.state('a');
    const { version } = entryOf(hosts.state('a'), 'v1');
    // As a deal leaves it behind that gave the claim away and took it again.
    const own = { home: hostId('a'), holder: hostId('a'), version };
    directory.learnDomain(domainId('v1'), own, false, hosts.nowMs);
    hosts.sample('a', { v3: ['v1'] });
    expect(holderOf(hosts.state('a'), domainId('v1'))).toBeUndefined();
    hosts.sample('d', { v1: ['v3'] });
    expect(entryOf(hosts.state('d'), 'v1').version).toBe(version);
    hosts.pass(5_000);
    expect(hosts.holder('a', 'v1')).toBe('d');
  });

  describe('and was moved by hand to a host that knew nothing of it', () => {
    /** What some still say of it: it is at a, at a version that nobody has heard of at its new home. */
    const old = {
      domain: domainId('v1'),
      name: 'name of v1',
      home: hostId('a'),
      holder: hostId('a'),
      version: 1_000_000,
      addresses: [addressOf('v1')],
    };

    /** `before`: happens after it has left a, and before it runs on d. */
    function moved(before: (hosts: Hosts) => void = () => {}): Hosts {
      const hosts = talking();
      hosts.sample('a', { v3: ['v1'] });
      before(hosts);
      hosts.sample('d', { v1: ['v3'] });
      return hosts;
    }

    it('is not believed to be at its old one by that host itself, whoever says so', () => {
      const message = { kind: 'found', id: 0, domains: [old], unknown: [], places: [] } as const;
      const hosts = moved((all) =>
        all.take(hostId('a'), { kind: 'messageReceived', from: hostId('e'), message }),
      );
      hosts.pass(60_000);
      expect(hosts.holder('a', 'v1')).toBe('d');
    });

    it('is not said to be there by that host, whatever it has heard before', () => {
      const hosts = moved();
      hosts.state('a').directory.learnDomain(old.domain, old, false, hosts.nowMs);
      hosts.sent.length = 0;
      const seek = { kind: 'seek', domains: [old.domain], addresses: [] } as const;
      hosts.take(hostId('a'), { kind: 'messageReceived', from: hostId('e'), message: seek });
      const found = hosts.sent.find(({ message }) => message.kind === 'found')?.message;
      if (found?.kind !== 'found') throw new Error('a question is answered');
      expect(found.domains.map(({ home }) => home)).not.toContain('a');
    });

    it('outdoes what its keepers have heard of the old one', () => {
      const hosts = moved();
      for (const keeper of hosts.state('a').information.ring.keepersOf('v1')) {
        const { directory, config } = hosts.state(keeper);
        if (config.self !== 'a') directory.learnDomain(old.domain, old, true, hosts.nowMs);
      }
      hosts.pass(400_000);
      expect(entryOf(hosts.state('d'), 'v1').version).toBeGreaterThan(old.version);
      for (const keeper of hosts.state('a').information.ring.keepersOf('v1'))
        expect(hosts.state(keeper).information.shelf.find(old.domain, hosts.nowMs)?.home).toBe('d');
    });
  });

  it('keeps its name in the rows of partners that it leaves behind, although nobody answers', () => {
    const hosts = new Hosts(...names);
    hosts.sample('a', { v1: ['v2'], v2: ['v1'] });
    hosts.pass(5_000);
    hosts.take(hostId('a'), { kind: 'ordered', order: { order: 'mode', mode: 'auto' } });
    hosts.lose = () => true;
    const [domain, settlement] = [domainId('v1'), 's1' as SettlementId];
    giveAway(hosts, 'b');
    const { version } = entryOf(hosts.state('a'), 'v1');
    const message = { kind: 'settle', settlement, domain, version, leaseMs: 30_000 } as const;
    hosts.take(hostId('a'), { kind: 'messageReceived', from: hostId('b'), message });
    const statistics = { bytes: 1, durationMs: 1, downtimeMs: 1 };
    const result = { outcome: 'moved', statistics } as const;
    hosts.take(hostId('a'), { kind: 'migrationEnded', settlement, result });
    hosts.sample('a', { v2: ['v1'] });
    expect(hosts.state('a').rows.get(domainId('v2'))).toEqual([
      { partner: domain, bitsPerSecond: 1e6 },
    ]);
    expect(holderOf(hosts.state('a'), domain)).toMatchObject({ home: 'b', holder: 'b' });
  });

  it('is followed to its new home when it moved by hand', () => {
    const hosts = talking();
    hosts.sample('a', {});
    hosts.sample('c', { v1: ['v2'] });
    hosts.pass(10_000);
    expect(hosts.state('b').directory.find(domainId('v1'))).toMatchObject({
      home: 'c',
      holder: 'c',
      certain: true,
    });
  });

  it('is nowhere when it was shut off', () => {
    const hosts = talking();
    hosts.sample('a', {});
    expect(hosts.holder('b', 'v1')).toBeUndefined();
  });

  it('is at its new home when its old one died', () => {
    const hosts = talking();
    giveAway(hosts, 'd');
    hosts.crash('a');
    hosts.sample('c', { v1: ['v2'] });
    hosts.pass(300_000);
    expect(hosts.state('b').directory.find(domainId('v1'))).toMatchObject({
      home: 'c',
      certain: true,
    });
  });

  it('belongs to the host that goes on running it when two claim it', () => {
    const hosts = talking();
    const before = entryOf(hosts.state('a'), 'v1').version;
    hosts.take(hostId('a'), {
      kind: 'messageReceived',
      from: hostId('f'),
      message: {
        kind: 'announce',
        id: 1,
        domains: [
          {
            domain: domainId('v1'),
            name: 'v1',
            holder: hostId('f'),
            version: before + 5,
            addresses: [],
          },
        ],
      },
    });
    expect(entryOf(hosts.state('a'), 'v1').version).toBe(before);
    hosts.pass(5_000);
    expect(entryOf(hosts.state('a'), 'v1').version).toBeGreaterThan(before + 5);
    expect(entryOf(hosts.state('a'), 'v1').holder).toBe('a');
  });

  it('does not lose its claims again and again to a host that goes on lying', () => {
    const hosts = talking();
    const lie = () => {
      const { version } = entryOf(hosts.state('a'), 'v1');
      const domains = [
        {
          domain: domainId('v1'),
          name: 'v1',
          holder: hostId('f'),
          version: version + 1,
          addresses: [],
        },
      ];
      const message = { kind: 'announce', id: 1, domains } as const;
      hosts.take(hostId('a'), { kind: 'messageReceived', from: hostId('f'), message });
    };
    const versions = new Set<number>();
    for (let round = 0; round < 20; round++) {
      lie();
      hosts.pass(5_000);
      versions.add(entryOf(hosts.state('a'), 'v1').version);
    }
    expect(versions.size).toBe(1);
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
    hosts.pass(10_000);
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
