import { describe, expect, it } from 'vitest';
import { Directory } from '../src/information/directory.ts';
import { domainId, hostId, summaryOf } from './support/world.ts';

const [a, b, c] = [hostId('a'), hostId('b'), hostId('c')];
const vm = domainId('vm');

const summary = (host: string, sequence: number) => summaryOf(host, { sequence });

describe('where a domain is', () => {
  it('is what the highest version says, whoever says it', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: a, holder: a, version: 1 }, true, 0);
    expect(directory.learnDomain(vm, { home: a, holder: b, version: 2 }, false, 1)).toBe(true);
    expect(directory.learnDomain(vm, { home: a, holder: a, version: 1 }, true, 2)).toBe(false);
    expect(directory.find(vm)).toMatchObject({ home: a, holder: b, version: 2 });
  });

  it('is at one version what its home says', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: null, holder: b, version: 2 }, false, 0);
    directory.learnDomain(vm, { home: a, holder: c, version: 2, name: 'db' }, true, 1);
    directory.learnDomain(vm, { home: c, holder: b, version: 2 }, false, 2);
    expect(directory.find(vm)).toMatchObject({ home: a, holder: c, name: 'db', certain: true });
  });

  it('is not what somebody made up: the home denies it, and after a moment that counts', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: a, holder: b, version: 1e9 }, false, 0);
    const truth = { home: a, holder: a, version: 7 };
    expect(directory.learnDomain(vm, truth, true, 1_000)).toBe(false);
    expect(directory.learnDomain(vm, truth, true, 20_000)).toBe(true);
    expect(directory.find(vm)).toMatchObject({ holder: a, version: 7 });
  });

  it('is not with whom it was said to be, once that one denies it', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: a, holder: b, version: 7 }, true, 0);
    const lapsed = { home: a, holder: a, version: 7 };
    expect(directory.learnDomain(vm, lapsed, false, 1, c)).toBe(false);
    expect(directory.learnDomain(vm, lapsed, false, 2, b)).toBe(true);
    expect(directory.find(vm)).toMatchObject({ home: a, holder: a, version: 7 });
  });

  it('is not what a home says that another one has outdone', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: b, holder: b, version: 9 }, true, 0);
    expect(directory.learnDomain(vm, { home: a, holder: a, version: 7 }, true, 1e6)).toBe(false);
  });

  it('gets the home added that a book left out', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: null, holder: b, version: 2 }, false, 0);
    directory.learnDomain(vm, { home: a, holder: b, version: 2 }, false, 1);
    expect(directory.find(vm)?.home).toBe(a);
  });

  it('is not known any more when its home disowns it, and neither are its addresses', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: a, holder: a, version: 1 }, true, 0);
    directory.learnAddress('52:54:00:00:00:01', vm);
    expect(directory.disown(vm, b)).toBe(false);
    expect(directory.disown(vm, a)).toBe(true);
    expect(directory.find(vm)).toBeUndefined();
    expect(directory.byAddress('52:54:00:00:00:01')).toBeUndefined();
  });

  it('is forgotten with its home', () => {
    const directory = new Directory();
    directory.learnDomain(vm, { home: a, holder: b, version: 1 }, true, 0);
    directory.forget(b);
    expect(directory.find(vm)).toBeDefined();
    directory.forget(a);
    expect(directory.find(vm)).toBeUndefined();
  });
});

describe('what is known of hosts', () => {
  it('is their last summary; an older one changes nothing', () => {
    const directory = new Directory();
    expect(directory.learn(summary('a', 5), 0)).toBe(true);
    expect(directory.learn(summary('a', 5), 1)).toBe(false);
    expect(directory.learn(summary('a', 4), 1)).toBe(false);
    expect(directory.learn(summary('a', 6), 2)).toBe(true);
    expect(directory.peers.get(a)?.receivedAtMs).toBe(2);
  });

  it('is bounded, and the names of those that fall out stay', () => {
    const directory = new Directory();
    for (let index = 0; index < 1000; index++) directory.learn(summary(`h${index}`, 1), index);
    expect(directory.peers.size).toBeLessThan(400);
    expect(directory.peers.has(hostId('h999'))).toBe(true);
    expect(directory.peers.has(hostId('h0'))).toBe(false);
    expect(directory.hostName(hostId('h0'))).toBe('the host h0');
  });

  it('is by their own word where they stand, and by hearsay only while they have not spoken', () => {
    const directory = new Directory();
    directory.learnPlace({ host: a, name: 'a', location: ['rumour'] }, false);
    expect(directory.location(a)).toEqual(['rumour']);
    directory.learn(summary('a', 1), 0);
    directory.learnPlace({ host: a, name: 'a', location: ['rumour'] }, false);
    expect(directory.location(a)).toEqual(['pod0']);
  });
});
