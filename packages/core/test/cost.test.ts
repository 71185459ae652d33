import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateExchange } from '../src/exchange/evaluate.ts';
import { bestExchange, excerptFor } from '../src/exchange/exchange.ts';
import {
  type CostParameters,
  excess,
  hostLoads,
  overLimitCost,
  placementCost,
  totalCost,
} from '../src/model/cost.ts';
import type { Exchange } from '../src/model/model.ts';
import { HOSTS, parameters, worlds } from './support/arbitrary.ts';
import {
  after,
  bookOf,
  capacity,
  domain,
  domainId,
  GIB,
  host,
  hostId,
  rate,
  type TestWorld,
} from './support/world.ts';

const NONE = { weightBitsPerSecond: 0, hinges: [] };
const AFFINITY: CostParameters = {
  distance: [0, 1, 3, 5],
  affinityWeight: 1,
  nic: NONE,
  cpu: NONE,
  memory: NONE,
  paybackMs: 3_600_000,
};

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

const terms = ['network', 'nic', 'cpu', 'memory', 'displacement', 'hostOn', 'overLimit'] as const;

function next<Item>(stream: Iterator<Item>): Item {
  return stream.next().value as Item;
}

/** A world with room, or with hosts above their limits; a way to split it into two books, and some exchange. */
const situations = fc
  .constantFrom(
    { domainsMax: 9 },
    { domainsMax: 9, memoryGibibytes: 9 },
    { domainsMax: 9, vcpuLimit: 5 },
    { domainsMax: 9, memoryGibibytes: 9, vcpuLimit: 5 },
  )
  .chain(worlds)
  .chain((world) =>
    fc.record({
      world: fc.constant(world),
      parameters,
      held: fc.subarray(world.domains.map((d) => String(d.domain))).map((names) => new Set(names)),
      moving: fc.subarray(world.domains.map((d) => d.domain)),
    }),
  );

describe('the gain of an exchange', () => {
  it('is the change in the cost of the whole placement, whichever side computes it', () => {
    let relieved = 0;
    fc.assert(
      fc.property(situations, ({ world, parameters: p, held, moving }) => {
        const a = bookOf(world, 'a', held);
        const b = bookOf(world, 'b', held);
        const offered = (book: typeof a) =>
          book.offers.map((o) => o.claim.domain).filter((d) => moving.includes(d));
        const exchange: Exchange = { give: offered(a), take: offered(b) };
        const before = placementCost(world, p);
        const then = placementCost(after(world, 'a', 'b', exchange), p);
        const seenByA = evaluateExchange(a, excerptFor(b, exchange), exchange, p);
        const seenByB = evaluateExchange(b, a, { give: exchange.take, take: exchange.give }, p);
        const close = (x: number, y: number) =>
          expect(Math.abs(x - y)).toBeLessThanOrEqual(
            1e-9 * (1 + totalCost(before) + totalCost(then)),
          );
        if (seenByA.violations.length === 0 && seenByA.terms.overLimit > 0) relieved += 1;
        for (const term of terms) {
          close(seenByA.terms[term], before[term] - then[term]);
          close(seenByB.terms[term], before[term] - then[term]);
        }
        close(seenByA.gainBitsPerSecond, totalCost(before) - totalCost(then));
      }),
      { numRuns: 900 },
    );
    expect(relieved).toBeGreaterThan(20);
  });

  it('is the same from an excerpt of the book, also when the two books disagree', () => {
    fc.assert(
      fc.property(
        situations,
        fc.infiniteStream(
          fc.tuple(fc.constantFrom(...HOSTS), fc.nat({ max: 3 }), fc.nat({ max: 4 })),
        ),
        ({ world, parameters: p, held, moving }, rumours) => {
          const disturbed = (id: string) => {
            const book = bookOf(world, id, held);
            return {
              ...book,
              offers: book.offers.map((offer) => ({
                ...offer,
                row: offer.row.map((r) => ({
                  ...r,
                  bitsPerSecond: r.bitsPerSecond * next(rumours)[2],
                })),
              })),
              partners: book.partners.map((partner) => {
                const [holder, version] = next(rumours);
                return { ...partner, holder: hostId(holder), location: [holder], version };
              }),
            };
          };
          const [a, b] = [disturbed('a'), disturbed('b')];
          const chosen = (book: typeof a) =>
            book.offers.map((o) => o.claim.domain).filter((d) => moving.includes(d));
          const exchange: Exchange = { give: chosen(a), take: chosen(b) };
          const whole = evaluateExchange(a, b, exchange, p);
          const excerpt = evaluateExchange(a, excerptFor(b, exchange, a), exchange, p);
          const scale = 1 + Math.abs(whole.gainBitsPerSecond) + 1e9;
          expect(Math.abs(excerpt.gainBitsPerSecond - whole.gainBitsPerSecond)).toBeLessThan(
            1e-9 * scale,
          );
          expect(excerpt.violations).toEqual(whole.violations);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('counts the own edge of a swapped pair: two that talk to each other only gain nothing', () => {
    const world = {
      hosts: [host('a'), host('b')],
      domains: [domain('vm1', 'a'), domain('vm2', 'b')],
      rates: [rate('vm1', 'vm2', 10e6)],
    };
    const exchange = { give: [domainId('vm1')], take: [domainId('vm2')] };
    const { gainBitsPerSecond } = evaluateExchange(
      bookOf(world, 'a'),
      bookOf(world, 'b'),
      exchange,
      AFFINITY,
    );
    expect(gainBitsPerSecond).toBe(0);
  });

  it('takes the larger of the two rates that the two rows of a pair show', () => {
    const world = {
      hosts: [host('a'), host('b')],
      domains: [domain('vm1', 'a'), domain('vm2', 'b')],
      rates: [rate('vm1', 'vm2', 10e6)],
    };
    const a = bookOf(world, 'a');
    const stale = {
      ...a,
      offers: a.offers.map((o) => ({
        ...o,
        row: [{ partner: domainId('vm2'), bitsPerSecond: 3e6 }],
      })),
    };
    const exchange = { give: [domainId('vm1')], take: [] };
    expect(evaluateExchange(stale, bookOf(world, 'b'), exchange, AFFINITY).terms.network).toBe(
      10e6,
    );
  });

  it('believes the newer entry about a partner, and the books themselves above both', () => {
    const world = {
      hosts: [host('a', ['r1']), host('b', ['r2']), host('c', ['r2'])],
      domains: [domain('vm1', 'a'), domain('vm2', 'c')],
      rates: [rate('vm1', 'vm2', 10e6)],
    };
    const a = bookOf(world, 'a');
    const [known] = a.partners.filter((p) => p.domain === 'vm2');
    if (!known) throw new Error('a knows where vm2 is');
    const moved = { ...known, holder: hostId('b'), version: 2 };
    const exchange = { give: [domainId('vm1')], take: [] };
    const gain = (partners: readonly (typeof known)[]) =>
      evaluateExchange(a, { ...bookOf(world, 'b'), partners }, exchange, AFFINITY)
        .gainBitsPerSecond;
    expect(gain([])).toBe(20e6);
    expect(gain([moved])).toBe(30e6);
    expect(gain([{ ...moved, version: 0 }])).toBe(20e6);
    const atB = { ...world, domains: [domain('vm1', 'a'), domain('vm2', 'b')] };
    expect(evaluateExchange(a, bookOf(atB, 'b'), exchange, AFFINITY).gainBitsPerSecond).toBe(30e6);
  });
});

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
