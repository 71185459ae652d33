/** What a simulated agent measures is told anew only where something is different. */

import type { DomainId, HostId } from '@barter/core';
import { describe, expect, it } from 'vitest';
import { HostMeter } from '../src/cluster/host-meter.ts';
import { SimTrafficProbe } from '../src/index.ts';
import { exampleWorld } from './example-cluster.ts';

const host = 'h2' as HostId;

function measuredWorld() {
  const world = exampleWorld();
  const meter = new HostMeter(world, host, 10);
  meter.start();
  const later = () => {
    world.advanceTo(world.nowMs() + 5_000);
    return meter.measure();
  };
  later();
  return { world, later };
}

const named = (id: string) => (one: Readonly<{ domain: DomainId }>) => one.domain === id;

describe('The meter of a simulated host', () => {
  it('shows what is as it was as the very same thing', () => {
    const { later } = measuredWorld();
    const [once, again] = [later(), later()];
    expect(once.domains.length).toBeGreaterThan(1);
    expect(again.domains).toEqual(once.domains);
    for (const [n, one] of again.domains.entries()) expect(one).toBe(once.domains[n]);
  });

  it('shows a rate that has changed by little, and leaves those who have no part in it as they were', () => {
    const { world, later } = measuredWorld();
    const before = later();
    world.setTraffic([{ a: 'vm3', b: 'external', bitsPerSecond: 2_000_100 }]);
    const after = later();
    const sum = ({ domains }: typeof before) =>
      domains
        .find(named('vm3'))
        ?.rates.reduce((total, { bitsPerSecond }) => total + bitsPerSecond, 0) ?? 0;
    // Smoothed: of what came on top within 5 s less than half counts.
    expect(sum(after) - sum(before)).toBeGreaterThan(30);
    expect(sum(after) - sum(before)).toBeLessThan(50);
    expect(after.domains.find(named('vm2'))).toBe(before.domains.find(named('vm2')));
  });

  it('measures what a probe of its own reads', () => {
    const { world, later } = measuredWorld();
    const probe = new SimTrafficProbe(world, host, 10);
    void probe.start();
    const local = new Set(later().domains.flatMap(({ addresses }) => addresses));
    probe.readNow(local);
    world.setTraffic([{ a: 'vm2', b: 'external', bitsPerSecond: 5e6 }]);
    for (let n = 0; n < 40; n++) {
      const { domains } = later();
      const read = new Map<string, number>();
      for (const { a, b, bitsPerSecond } of probe.readNow(local).rates)
        for (const [own, other] of [
          [a, b],
          [b, a],
        ])
          if (local.has(own as string)) read.set(`${own} ${other}`, bitsPerSecond);
      const shown = domains.flatMap(({ addresses, rates }) =>
        rates.map((rate) => [`${addresses[0]} ${rate.address}`, rate.bitsPerSecond] as const),
      );
      // Both have smoothed what they began with away by then.
      if (n < 30) continue;
      expect(shown.length).toBe(read.size);
      for (const [pair, rate] of shown) expect(read.get(pair)).toBeCloseTo(rate, -1);
    }
  });
});
