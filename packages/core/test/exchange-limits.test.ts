/** Hard limits, rules and first steps: what an exchange may not do, and what claims beyond a limit cost. */

import { describe, expect, it } from 'vitest';
import { evaluateExchange } from '../src/exchange/evaluate.ts';
import { bestExchange } from '../src/exchange/exchange.ts';
import { overLimitCost, placementCost } from '../src/model/cost.ts';
import type { Exchange } from '../src/model/model.ts';
import {
  AFFINITY,
  after,
  bookOf,
  capacity,
  domain,
  domainId,
  GIB,
  host,
  rate,
  type TestWorld,
} from './support/world.ts';

describe('claims beyond the limits of their host', () => {
  const room = { memoryLimitBytes: 5 * GIB, memoryTransientBytes: 7 * GIB };
  const world: TestWorld = {
    hosts: [host('a', [], room), host('b', [], room), host('c', [], room)],
    domains: [
      ...['vm1', 'vm2', 'vm3'].map((id) => domain(id, 'a', { migrationBytes: 3 * GIB })),
      ...['vm4', 'vm5', 'vm6'].map((id) => domain(id, 'b', { migrationBytes: 3 * GIB })),
    ],
    rates: [rate('vm1', 'vm2', 900e6), rate('vm1', 'vm4', 900e6)],
  };
  const evaluate = (to: string, exchange: Exchange, w: TestWorld = world) =>
    evaluateExchange(bookOf(w, 'a'), bookOf(w, to), exchange, AFFINITY);
  const give = (...domains: string[]): Exchange => ({ give: domains.map(domainId), take: [] });

  it('cost whatever the preset, and nothing up to the limit', () => {
    const { overLimit } = placementCost(world, AFFINITY);
    expect(overLimit).toBe(2 * 100 * GIB);
    expect(placementCost(after(world, 'a', 'c', give('vm1')), AFFINITY).overLimit).toBe(100 * GIB);
    expect(overLimitCost({ memoryBytes: 5 * GIB, vcpus: 64 }, capacity(room))).toBe(0);
    expect(overLimitCost({ memoryBytes: 0, vcpus: 66 }, capacity(room))).toBe(2e11);
  });
  it('pay for a migration of far more than the excess, and for the traffic it tears apart', () => {
    const { gainBitsPerSecond, violations } = evaluate('c', give('vm1'));
    expect(gainBitsPerSecond).toBeGreaterThan(50e9);
    expect(violations).toEqual([]);
    const slightly = {
      ...world,
      hosts: world.hosts.map(({ capacity: had, ...rest }) => ({
        ...rest,
        capacity: { ...had, memoryLimitBytes: 6 * GIB - 2 ** 20 },
      })),
    };
    expect(evaluate('c', give('vm3'), slightly).gainBitsPerSecond).toBeGreaterThan(1e6);
  });
  it('save nothing by being handed on, and leave once: the second one pays for nothing', () => {
    const handed = evaluate('b', give('vm3'));
    expect(handed.gainBitsPerSecond).toBeLessThan(0);
    expect(handed.violations.map(({ code }) => code)).toContain('memory');
    const [once, twice] = [evaluate('c', give('vm3')), evaluate('c', give('vm3', 'vm2'))];
    expect(twice.gainBitsPerSecond).toBeLessThan(once.gainBitsPerSecond);
  });
  it('change places only where one of two such hosts has room for what comes first', () => {
    const swap = { give: [domainId('vm2')], take: [domainId('vm4')] };
    expect(evaluate('b', swap).violations.map(({ code }) => code)).toEqual(['no-first-step']);
    const search = (w: TestWorld) =>
      bestExchange(bookOf(w, 'a'), bookOf(w, 'b'), AFFINITY, {
        kind: 'bundle',
        minGainBitsPerSecond: 1e6,
      });
    expect(search(world)).toBeUndefined();
    const roomy = { ...room, memoryTransientBytes: 8 * GIB };
    const hosts = [host('a', [], room), host('b', [], roomy), host('c', [], room)];
    expect(evaluate('b', swap, { ...world, hosts }).violations).toEqual([]);
    expect(search({ ...world, hosts })?.exchange.give).toHaveLength(1);
  });
});

describe('two hosts that are full to the last byte', () => {
  const room = { memoryBytes: 4 * GIB, memoryLimitBytes: 4 * GIB, memoryTransientBytes: 4 * GIB };
  const codes = (hosts: TestWorld['hosts'], homeOfVm2 = 'a') => {
    const vm = (id: string, on: string) => domain(id, on, { memoryBytes: 2 * GIB });
    const away = { ...vm('vm2', 'a'), home: host(homeOfVm2).host };
    const world = {
      hosts,
      domains: [vm('vm1', 'a'), away, vm('vm3', 'b'), vm('vm4', 'b')],
      rates: [],
    };
    const swap = { give: [domainId('vm2')], take: [domainId('vm3')] };
    const [a, b] = [bookOf(world, 'a'), bookOf(world, 'b')];
    return evaluateExchange(a, b, swap, AFFINITY).violations.map(({ code }) => code);
  };
  const full = ['a', 'b', 'c'].map((id) => host(id, [], room));

  it('change no places: neither has room for what comes first, and it would wait for ever', () => {
    expect(codes(full)).toEqual(['no-first-step']);
  });
  it('do so where one of them has room while something moves', () => {
    const roomy = host('b', [], { ...room, memoryTransientBytes: 6 * GIB });
    expect(codes([...full.filter((one) => one.host !== 'b'), roomy])).toEqual([]);
  });
  it('do so with a claim that has not come yet: it comes from a third host', () => {
    expect(codes(full, 'c')).toEqual([]);
  });
});

describe('what an exchange may not do', () => {
  const small = { memoryLimitBytes: 4 * GIB, vcpuLimit: 4 };
  const world = {
    hosts: [host('a', [], small), host('b', [], small)],
    domains: [domain('vm1', 'a'), domain('vm2', 'a'), domain('vm3', 'b'), domain('vm4', 'b')],
    rates: [],
  };
  const codes = (exchange: Exchange, w: Parameters<typeof bookOf>[0] = world) =>
    evaluateExchange(bookOf(w, 'a'), bookOf(w, 'b'), exchange, AFFINITY).violations.map(
      (v) => v.code,
    );

  it('fill a host beyond its memory, while a swap of equals fits', () => {
    expect(codes({ give: [domainId('vm1')], take: [] })).toEqual(['memory']);
    expect(codes({ give: [domainId('vm1')], take: [domainId('vm3')] })).toEqual([]);
  });
  it('fill a host beyond its vCPUs', () => {
    const wide = {
      ...world,
      domains: [domain('vm1', 'a', { vcpus: 3 }), domain('vm3', 'b', { vcpus: 2 })],
    };
    expect(codes({ give: [domainId('vm1')], take: [] }, wide)).toEqual(['vcpus']);
  });
  it('take more onto a host that is above its limit already, while less is fine', () => {
    const over = {
      ...world,
      domains: [
        domain('vm1', 'a', { memoryBytes: 6 * GIB }),
        domain('vm2', 'a', { memoryBytes: GIB }),
        domain('vm3', 'b', { memoryBytes: GIB / 2 }),
        domain('vm4', 'b', { memoryBytes: 2 * GIB }),
      ],
    };
    expect(codes({ give: [], take: [domainId('vm3')] }, over)).toEqual(['memory']);
    expect(codes({ give: [domainId('vm2')], take: [domainId('vm4')] }, over)).toEqual(['memory']);
    expect(codes({ give: [domainId('vm2')], take: [domainId('vm3')] }, over)).toEqual([]);
  });
  it('move what is not offered, or nothing, or the same claim twice', () => {
    expect(codes({ give: [domainId('vm3')], take: [] })).toEqual(['not-offered', 'empty']);
    expect(codes({ give: [], take: [] })).toEqual(['empty']);
    expect(codes({ give: [domainId('vm1'), domainId('vm1')], take: [domainId('vm3')] })).toEqual([
      'not-offered',
    ]);
  });
  it('break a placement rule', () => {
    const ruled = (policies: readonly object[]) => ({
      ...world,
      domains: world.domains.map((d, i) => ({
        ...d,
        traits: { ...d.traits, policy: { ...policies[i] } },
      })),
    });
    const swap = { give: [domainId('vm1')], take: [domainId('vm3')] };
    expect(codes(swap, ruled([{ frozen: true }]))).toEqual(['frozen']);
    expect(codes(swap, ruled([{ pin: ['a', 'c'] }]))).toEqual(['pin']);
    expect(codes(swap, ruled([{ pin: ['b'] }]))).toEqual([]);
    expect(codes(swap, ruled([{ keepApart: 'g' }, {}, {}, { keepApart: 'g' }]))).toEqual([
      'keep-apart',
    ]);
    expect(codes(swap, ruled([{ keepApart: 'g' }, {}, { keepApart: 'g' }]))).toEqual([]);
    expect(codes(swap, ruled([{ keepTogether: 't' }, { keepTogether: 't' }]))).toEqual([
      'keep-together',
    ]);
  });
  it('draw one of a group to where another of it may be void by now, although all of it may come', () => {
    const t = { policy: { keepTogether: 't' }, memoryBytes: GIB };
    const split = {
      ...world,
      domains: [domain('vm1', 'a', t), domain('vm2', 'a', t), domain('vm3', 'b', t)],
    };
    const codesWith = (give: readonly string[], held: ReadonlySet<string>) =>
      evaluateExchange(
        bookOf(split, 'a'),
        bookOf(split, 'b', held),
        { give: give.map(domainId), take: [] },
        AFFINITY,
      ).violations.map(({ code }) => code);
    expect(codesWith(['vm1'], new Set())).toEqual([]);
    expect(codesWith(['vm1'], new Set(['vm3']))).toEqual(['keep-together']);
    expect(codesWith(['vm1', 'vm2'], new Set(['vm3']))).toEqual([]);
  });
});
