/** What an exchange gains: the change in the cost of the whole placement. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateExchange } from '../src/exchange/evaluate.ts';
import { excerptFor } from '../src/exchange/exchange.ts';
import { placementCost, totalCost } from '../src/model/cost.ts';
import type { Exchange } from '../src/model/model.ts';
import { HOSTS, parameters, worlds } from './support/arbitrary.ts';
import { AFFINITY, after, bookOf, domain, domainId, host, hostId, rate } from './support/world.ts';

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
