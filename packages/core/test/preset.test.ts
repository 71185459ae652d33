import { describe, expect, it } from 'vitest';
import { bestExchange } from '../src/exchange/exchange.ts';
import { hostLoads, placementCost, totalCost } from '../src/model/cost.ts';
import type { Exchange } from '../src/model/model.ts';
import { DEFAULT_SETTINGS, PRESETS, type PresetName, preset } from '../src/preset.ts';
import { after, bookOf, domain, GIB, host, rate, type TestWorld } from './support/world.ts';

/** Barters between two hosts until nothing gains; answers with the deals and where it ended. */
function barter(
  world: TestWorld,
  name: PresetName,
): { deals: readonly Exchange[]; world: TestWorld } {
  const { cost, search, minGainBitsPerSecond } = preset(name);
  const deals: Exchange[] = [];
  for (let now = world; ; ) {
    const found = bestExchange(bookOf(now, 'a'), bookOf(now, 'b'), cost, {
      kind: search,
      minGainBitsPerSecond,
    });
    if (!found || deals.length > 20) return { deals, world: now };
    deals.push(found.exchange);
    now = after(now, 'a', 'b', found.exchange);
  }
}

/** Two hosts with two domains each, as in the scenarios of the threshold rule; loads in Mbit/s to the outside. */
function fourDomains(megabits: readonly [number, number, number, number]): TestWorld {
  return {
    hosts: [host('a', [], { vcpus: 4 }), host('b', [], { vcpus: 4 })],
    domains: ['vm1', 'vm2', 'vm3', 'vm4'].map((name, i) =>
      domain(name, i < 2 ? 'a' : 'b', { memoryBytes: GIB, migrationBytes: GIB }),
    ),
    rates: megabits.map((mbit, i) => rate(`vm${i + 1}`, 'external', mbit * 1e6)),
  };
}

describe('the threshold preset', () => {
  it('does nothing while both hosts are below the threshold', () => {
    expect(barter(fourDomains([300, 90, 20, 10]), 'threshold').deals).toEqual([]);
  });
  it('moves a domain from a host above it to the calm one, one way', () => {
    const { deals } = barter(fourDomains([300, 200, 20, 10]), 'threshold');
    expect(deals).toHaveLength(1);
    expect(deals[0]?.give).toHaveLength(1);
    expect(deals[0]?.take).toEqual([]);
  });
  it('swaps when the other host is in the band, where any one-way move would overload it', () => {
    const { deals, world } = barter(fourDomains([300, 220, 180, 70]), 'threshold');
    expect(deals).toHaveLength(1);
    expect(deals[0]?.give).toHaveLength(1);
    expect(deals[0]?.take).toHaveLength(1);
    for (const load of hostLoads(world).values()) {
      expect(load.nicBitsPerSecond).toBeLessThanOrEqual(400e6);
    }
  });
  it('does nothing when both hosts are high', () => {
    expect(barter(fourDomains([300, 300, 350, 250]), 'threshold').deals).toEqual([]);
  });
  it('lets a domain come back when the loads have turned', () => {
    const away = barter(fourDomains([300, 200, 20, 10]), 'threshold').world;
    const moved = away.domains.filter((d) => d.holder === 'b').map((d) => String(d.domain));
    const turned = {
      ...away,
      domains: away.domains.map((d) => ({ ...d, home: d.holder })),
      rates: ['vm1', 'vm2', 'vm3', 'vm4'].map((name) =>
        rate(name, 'external', (moved.includes(name) ? 200 : 10) * 1e6),
      ),
    };
    const { deals } = barter(turned, 'threshold');
    expect(deals).toHaveLength(1);
    expect(deals[0]?.give).toEqual([]);
  });
});

describe('the cpu-balance preset', () => {
  it('spreads busy domains over both hosts, and is content with an even load', () => {
    const world = {
      hosts: [host('a'), host('b')],
      domains: Array.from({ length: 6 }, (_, i) =>
        domain(`vm${i}`, 'a', { cpu: 2, migrationBytes: GIB }),
      ),
      rates: [],
    };
    const even = barter(world, 'cpu-balance').world;
    expect(even.domains.filter((d) => d.holder === 'a')).toHaveLength(3);
    expect(barter(even, 'cpu-balance').deals).toEqual([]);
  });
});

describe('the aggregate preset', () => {
  const world = (cpu: number): TestWorld => ({
    hosts: [host('a'), host('b')],
    domains: Array.from({ length: 8 }, (_, i) =>
      domain(`vm${i}`, i < 5 ? 'a' : 'b', { cpu, migrationBytes: GIB }),
    ),
    rates: [],
  });
  it('empties the emptier host when the load is low', () => {
    const { domains } = barter(world(0.5), 'aggregate').world;
    expect(new Set(domains.map((d) => d.holder))).toEqual(new Set(['a']));
  });
  it('spreads again when it rises, and does not pack a load that one host cannot take', () => {
    const packed = barter(world(0.5), 'aggregate').world;
    const busy = {
      ...packed,
      domains: packed.domains.map((d) => ({
        ...d,
        home: d.holder,
        traits: { ...d.traits, cpu: 3 },
      })),
    };
    const { domains } = barter(busy, 'aggregate').world;
    const on = (id: string) => domains.filter((d) => d.holder === id).length;
    expect(on('a') * 3).toBeLessThanOrEqual(13);
    expect(on('b') * 3).toBeLessThanOrEqual(13);
    expect(new Set(barter(world(3), 'aggregate').world.domains.map((d) => d.holder)).size).toBe(2);
  });
});

describe('the affinity and default presets', () => {
  const apart: TestWorld = {
    hosts: [host('a'), host('b')],
    domains: ['vm1', 'vm2', 'vm3'].map((name, i) => domain(name, i === 0 ? 'a' : 'b', { cpu: 6 })),
    rates: [rate('vm1', 'vm2', 30e6), rate('vm1', 'vm3', 20e6)],
  };
  it('bring together who talks; affinity whatever it does to the CPU load', () => {
    const together = barter(apart, 'affinity').world;
    expect(new Set(together.domains.map((d) => d.holder)).size).toBe(1);
  });
  it('the default does not overload a host for it', () => {
    const { cost } = preset('default');
    const { deals, world } = barter(apart, 'default');
    expect(totalCost(placementCost(world, cost))).toBeLessThanOrEqual(
      totalCost(placementCost(apart, cost)),
    );
    expect(new Set(world.domains.map((d) => d.holder)).size).toBe(2);
    expect(deals.length).toBeLessThanOrEqual(1);
  });
  it('all-to-all traffic moves nothing', () => {
    const names = Array.from({ length: 8 }, (_, i) => `vm${i}`);
    const world = {
      hosts: [
        host('a', [], { memoryLimitBytes: 8 * GIB }),
        host('b', [], { memoryLimitBytes: 8 * GIB }),
      ],
      domains: names.map((name, i) => domain(name, i < 4 ? 'a' : 'b')),
      rates: names.flatMap((n, i) => names.slice(i + 1).map((m) => rate(n, m, 5e6))),
    };
    expect(barter(world, 'default').deals).toEqual([]);
  });
});

describe('every preset', () => {
  it.each(PRESETS)('%s has curves that are convex and parameters that are finite', (name) => {
    for (const nicHigh of [{ bitsPerSecond: 4e8 }, { share: 0.6 }]) {
      const settings = {
        ...DEFAULT_SETTINGS,
        thresholds: { nicHigh, cpuHigh: 1, memoryHigh: 0.9 },
      };
      const { cost } = preset(name, settings);
      for (const curve of [cost.nic, cost.cpu, cost.memory]) {
        expect(curve.weightBitsPerSecond).toBeGreaterThanOrEqual(0);
        const above = curve.hinges.map((h) => h.above);
        expect(above).toEqual([...above].sort((x, y) => x - y));
        for (const { slope } of curve.hinges) {
          expect(slope).toBeGreaterThan(0);
          expect(Number.isFinite(slope)).toBe(true);
        }
      }
    }
  });
});
