/** Domains that come and go by hand, or with their hosts: who learns where they are now. */

import { describe, expect, it } from 'vitest';
import { holderOf } from '../src/claims/book.ts';
import type { SettlementId } from '../src/model/model.ts';
import { addressOf, entryOf, Hosts } from './support/hosts.ts';
import { giveAway, names, talking } from './support/talking.ts';
import { domainId, hostId } from './support/world.ts';

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
