import { describe, expect, it } from 'vitest';
import { Ring } from '../src/information/ring.ts';
import { hashText, shareOf } from '../src/model/hash.ts';
import { hostId } from './support/world.ts';

const members = (count: number) =>
  Array.from({ length: count }, (_, index) => hostId(`12D3KooW${index}`));
const keys = Array.from({ length: 4000 }, (_, index) => `52:54:00:00:${index >> 8}:${index & 255}`);

describe('the ring of keepers', () => {
  it('gives every key two different members, and the same ones on every host', () => {
    const ring = new Ring(members(50));
    const elsewhere = new Ring(members(50).toReversed());
    for (const key of keys) {
      const keepers = ring.keepersOf(key);
      expect(new Set(keepers).size).toBe(2);
      expect(elsewhere.keepersOf(key)).toEqual(keepers);
    }
  });

  it('makes do with one member, and with two', () => {
    expect(new Ring(members(1)).keepersOf('key')).toEqual(members(1));
    expect(new Ring(members(2)).keepersOf('key').toSorted()).toEqual(members(2));
  });

  it('burdens nobody with more than about twice the mean', () => {
    const ring = new Ring(members(100));
    const kept = new Map<string, number>();
    for (const key of keys)
      for (const keeper of ring.keepersOf(key)) kept.set(keeper, (kept.get(keeper) ?? 0) + 1);
    const mean = (2 * keys.length) / 100;
    expect(Math.max(...kept.values())).toBeLessThan(2.5 * mean);
    expect(kept.size).toBe(100);
  });

  it('hands over only the keys next to a member that joins', () => {
    const before = new Ring(members(100));
    const after = new Ring(members(101));
    const joined = members(101)[100];
    const changed = keys.filter(
      (key) => before.keepersOf(key).join() !== after.keepersOf(key).join(),
    );
    // Its share of keys, twice because it may be the first keeper or the second.
    expect(changed.length).toBeLessThan((keys.length / 101) * 2 * 2.5);
    expect(changed.length).toBeGreaterThan(0);
    for (const key of changed) expect(after.keepersOf(key)).toContain(joined);
  });

  it('lets the second keeper follow the first one when that leaves', () => {
    const ring = new Ring(members(20));
    for (const key of keys.slice(0, 200)) {
      const [first, second] = ring.keepersOf(key);
      const without = new Ring(members(20).filter((member) => member !== first));
      expect(without.keepersOf(key)[0]).toBe(second);
    }
  });
});

describe('the hash', () => {
  it('is the same on every machine: FNV-1a and the finalizer of MurmurHash3', () => {
    expect(hashText('')).toBe(2872998923);
    expect(hashText('a')).toBe(444641715);
    expect(hashText('barter')).toBe(3137863473);
    expect(hashText('52:54:00:12:34:56')).toBe(2914799072);
  });

  it('spreads texts that differ in their last character', () => {
    const shares = Array.from({ length: 1000 }, (_, index) => shareOf(`vm${index}`));
    for (const tenth of [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) {
      const inside = shares.filter((share) => share >= tenth && share < tenth + 0.1);
      expect(inside.length).toBeGreaterThan(60);
      expect(inside.length).toBeLessThan(140);
    }
  });
});
