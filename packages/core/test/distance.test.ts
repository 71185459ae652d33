import { describe, expect, it } from 'vitest';
import { distance } from '../src/model/distance.ts';
import { hostId } from './support/world.ts';

describe('the distance of two hosts', () => {
  const at = (host: string, ...location: string[]) => ({ host: hostId(host), location });
  const table = [0, 1, 3, 5];
  it.each([
    ['the same host', at('a', 'p0', 'r0'), at('a', 'p0', 'r0'), 0],
    ['the same rack', at('a', 'p0', 'r0'), at('b', 'p0', 'r0'), 1],
    ['the same pod', at('a', 'p0', 'r0'), at('b', 'p0', 'r1'), 3],
    ['another pod', at('a', 'p0', 'r0'), at('b', 'p1', 'r0'), 5],
    ['no locations at all', at('a'), at('b'), 1],
    ['a location on one side only', at('a', 'p0', 'r0'), at('b'), 5],
    ['a pod known, a rack not', at('a', 'p0', 'r0'), at('b', 'p0'), 3],
  ])('%s', (_, a, b, expected) => {
    expect(distance(table, a, b)).toBe(expected);
    expect(distance(table, b, a)).toBe(expected);
  });
  it('is the last entry where the table is too short', () => {
    expect(distance([0, 2], at('a', 'p0', 'r0', 'u0'), at('b', 'p1', 'r0', 'u0'))).toBe(2);
    expect(distance([4], at('a'), at('b'))).toBe(4);
  });
});
