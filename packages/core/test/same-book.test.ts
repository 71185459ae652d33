/**
 * A book is made anew only where something that it follows from is different: all that is worked out from one stands as long
 * as it is the very same. What comes in messages is never the very same, so it is compared.
 */

import { describe, expect, it } from 'vitest';
import { paperLoad } from '../src/claims/book.ts';
import type { Holding } from '../src/claims/claim.ts';
import { makeBook } from '../src/claims/offering.ts';
import type { Offer } from '../src/model/model.ts';
import { holdingOf } from './support/holdings.ts';
import type { Hosts } from './support/hosts.ts';
import { giveAway, talking } from './support/talking.ts';
import { domainId, hostId } from './support/world.ts';

const a = hostId('a');
const home = hostId('c');

/** a holds v9's claim, which is at home on c; v9 talks to v1. */
function holding(): Readonly<{ hosts: Hosts; held: Holding }> {
  const hosts = talking();
  const row = [{ partner: domainId('v1'), bitsPerSecond: 5e6 }];
  const { claim, ...rest } = holdingOf('v9', 'c', {}, row);
  const held = { ...rest, claim: { ...claim, holder: a } };
  hosts.state('a').holdings.set(claim.domain, held);
  return { hosts, held };
}

/** The home renews the claim, with what it says of the domain now: other objects every time, as from the network. */
function renew(hosts: Hosts, { claim, traits, row }: Holding, changes: Partial<Offer> = {}): void {
  const offer = structuredClone({ claim, traits, row, ...changes });
  const { domain, version } = claim;
  const message = { kind: 'renewed', domain, version, leaseMs: 300_000, offer } as const;
  hosts.take(a, { kind: 'messageReceived', from: home, message });
}

const bookOf = (hosts: Hosts) => makeBook(hosts.state('a'), hosts.nowMs);

describe('the book of a host', () => {
  it('stands when a claim is renewed and nothing about its domain has changed', () => {
    const { hosts, held } = holding();
    const before = bookOf(hosts);
    expect(before?.offers).toHaveLength(2);
    renew(hosts, held);
    expect(hosts.state('a').holdings.get(held.claim.domain)?.leaseExpiresAtMs).toBeLessThan(
      held.leaseExpiresAtMs,
    );
    expect(bookOf(hosts)).toBe(before);
  });

  it.each([
    ['needs more', { traits: { ...holdingOf('v9', 'c').traits, cpu: 2 } }],
    ['sends more', { row: [{ partner: domainId('v1'), bitsPerSecond: 6e6 }] }],
    ['talks to another one', { row: [{ partner: domainId('v2'), bitsPerSecond: 5e6 }] }],
  ])('is another one when a renewal says that the domain %s', (_, changes) => {
    const { hosts, held } = holding();
    const before = bookOf(hosts);
    const loadBefore = paperLoad(hosts.state('a'));
    renew(hosts, held, changes);
    const [now, offered] = [bookOf(hosts), { ...held, ...changes }];
    expect(now).not.toBe(before);
    expect(paperLoad(hosts.state('a'))).not.toBe(loadBefore);
    const shown = now?.offers.find(({ claim }) => claim.domain === held.claim.domain);
    expect([shown?.traits, shown?.row]).toEqual([offered.traits, offered.row]);
  });

  it('stands through measurements that show nothing else, and not when one does', () => {
    const hosts = talking();
    const before = bookOf(hosts);
    hosts.nowMs += 1_000;
    hosts.sample('a', { v1: ['v2'] });
    expect(bookOf(hosts)).toBe(before);
    hosts.nowMs += 1_000;
    hosts.sample('a', { v1: ['v2'], v3: [] });
    expect(bookOf(hosts)?.offers).toHaveLength(2);
  });

  it('says where its partners are held, also when that is written in the register here', () => {
    const { hosts } = holding();
    const place = { host: hostId('d'), name: 'd', location: ['rack'] };
    hosts.state('a').directory.learnPlace(place, true);
    giveAway(hosts, 'b');
    const heldBy = () =>
      bookOf(hosts)?.partners.find(({ domain }) => domain === domainId('v1'))?.holder;
    expect(heldBy()).toBe(hostId('b'));
    const load = paperLoad(hosts.state('a'));
    giveAway(hosts, 'd');
    // Between two others: nothing else is held here, so nothing is added up.
    expect(paperLoad(hosts.state('a'))).toBe(load);
    expect(heldBy()).toBe(hostId('d'));
  });
});
