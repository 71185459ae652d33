import { describe, expect, it } from 'vitest';
import { Shelf } from '../src/information/shelf.ts';
import type { DomainNotice } from '../src/model/model.ts';
import { domainId, hostId } from './support/world.ts';

const [a, b] = [hostId('a'), hostId('b')];

function notice(domain: string, version: number, addresses: readonly string[] = []): DomainNotice {
  return { domain: domainId(domain), name: domain, holder: a, version, addresses };
}

describe('what a keeper keeps', () => {
  it('is found by domain and by address, until it is not announced any more', () => {
    const shelf = new Shelf();
    shelf.keep(a, notice('vm1', 3, ['52:54:00:00:00:01']), 0, 100);
    expect(shelf.find(domainId('vm1'), 50)).toMatchObject({ home: a, version: 3 });
    expect(shelf.byAddress('52:54:00:00:00:01', 50)?.domain).toBe('vm1');
    expect(shelf.find(domainId('vm1'), 100)).toBeUndefined();
    shelf.keep(a, notice('vm2', 1), 100, 200);
    expect(shelf.size).toBe(1);
  });

  it('of two homes that claim a domain is the higher version; the other is told', () => {
    const shelf = new Shelf();
    shelf.keep(a, notice('vm1', 3), 0, 1e6);
    expect(shelf.keep(b, notice('vm1', 3), 1, 1e6)).toMatchObject({ home: a, version: 3 });
    expect(shelf.keep(b, notice('vm1', 2), 1, 1e6)).toMatchObject({ home: a, version: 3 });
    expect(shelf.keep(b, notice('vm1', 4), 2, 1e6)).toBeUndefined();
    expect(shelf.find(domainId('vm1'), 3)).toMatchObject({ home: b, version: 4 });
  });

  it('does not go back when announcements of one home overtake each other', () => {
    const shelf = new Shelf();
    shelf.keep(a, notice('vm1', 4), 0, 1e6);
    shelf.keep(a, notice('vm1', 3), 1_000, 1e6);
    expect(shelf.find(domainId('vm1'), 2_000)?.version).toBe(4);
  });

  it('begins anew with a home that has lost its memory', () => {
    const shelf = new Shelf();
    shelf.keep(a, notice('vm1', 4), 0, 1e6);
    shelf.keep(a, notice('vm1', 1), 60_000, 1e6);
    expect(shelf.find(domainId('vm1'), 60_001)?.version).toBe(1);
  });

  it('forgets an address that a domain has given up', () => {
    const shelf = new Shelf();
    shelf.keep(a, notice('vm1', 1, ['old']), 0, 1e6);
    shelf.keep(a, notice('vm1', 1, ['new']), 1, 1e6);
    expect(shelf.byAddress('old', 2)).toBeUndefined();
    expect(shelf.byAddress('new', 2)?.domain).toBe('vm1');
  });

  it('forgets a member that was expelled, and nobody else', () => {
    const shelf = new Shelf();
    shelf.keep(a, notice('vm1', 1), 0, 1e6);
    shelf.keep(b, notice('vm2', 1), 0, 1e6);
    shelf.forget(a);
    expect(shelf.find(domainId('vm1'), 1)).toBeUndefined();
    expect(shelf.find(domainId('vm2'), 1)).toBeDefined();
  });

  it('cannot be filled by one member, and has room for others when one tries', () => {
    const shelf = new Shelf();
    for (let index = 0; index < 10_000; index++) shelf.keep(a, notice(`x${index}`, 1), 0, 1e6);
    expect(shelf.size).toBeLessThan(5_000);
    shelf.keep(b, notice('vm1', 1), 0, 1e6);
    expect(shelf.find(domainId('vm1'), 1)?.home).toBe(b);
  });
});
