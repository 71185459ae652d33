/** What a placement costs. */

import { describe, expect, it } from 'vitest';
import { excess, hostLoads, placementCost } from '../src/model/cost.ts';
import { AFFINITY, domain, host, hostId, rate } from './support/world.ts';

describe('an excess curve', () => {
  const curve = {
    weightBitsPerSecond: 100,
    hinges: [
      { above: 0.5, slope: 1 },
      { above: 0.8, slope: 3 },
    ],
  };
  it('costs nothing up to its first hinge and grows steeper at each', () => {
    expect(excess(curve, 5, 10)).toBe(0);
    expect(excess(curve, 8, 10)).toBeCloseTo(30);
    expect(excess(curve, 10, 10)).toBeCloseTo(50 + 60);
  });
  it('costs nothing on a host whose capacity is not known', () => {
    expect(excess(curve, 5, 0)).toBe(0);
  });
});

describe('the cost of a placement', () => {
  const world = {
    hosts: [host('a', ['p', 'r1']), host('b', ['p', 'r2']), host('c', ['q', 'r1'])],
    domains: [
      domain('vm1', 'a'),
      domain('vm2', 'b'),
      domain('vm3', 'c', { migrationBytes: 9e8, home: 'a' }),
    ],
    rates: [rate('vm1', 'vm2', 10e6), rate('vm2', 'vm3', 4e6), rate('vm1', 'external', 7e6)],
  };
  it('weighs traffic by distance, and traffic with the outside not at all', () => {
    expect(placementCost(world, AFFINITY).network).toBe(10e6 * 3 + 4e6 * 5);
  });
  it('counts on an uplink what crosses it, the outside included', () => {
    const loads = hostLoads(world);
    expect(loads.get(hostId('a'))?.nicBitsPerSecond).toBe(17e6);
    expect(loads.get(hostId('b'))?.nicBitsPerSecond).toBe(14e6);
  });
  it('spreads the migration of a claim away from home over the payback time', () => {
    expect(placementCost(world, AFFINITY).displacement).toBeCloseTo((8 * 9e8) / 3600);
  });
  it('adds the pairs that are listed twice', () => {
    const twice = { ...world, rates: [...world.rates, rate('vm2', 'vm1', 1e6)] };
    expect(placementCost(twice, AFFINITY).network).toBe(11e6 * 3 + 4e6 * 5);
  });
});
