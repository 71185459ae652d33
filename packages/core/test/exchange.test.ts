import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateExchange } from '../src/exchange/evaluate.ts';
import { bestExchange } from '../src/exchange.ts';
import type { Book, DomainId, Exchange } from '../src/model.ts';
import { parameters, worlds } from './support/arbitrary.ts';
import { bookOf, type TestWorld } from './support/world.ts';

function domains(book: Book): DomainId[] {
  return book.offers.map((offer) => offer.claim.domain);
}

/** Every exchange of two books with at most `most` claims each way. */
function* exchanges(a: Book, b: Book, most: number): Generator<Exchange> {
  for (const give of subsets(domains(a), most)) {
    for (const take of subsets(domains(b), most)) yield { give, take };
  }
}

function subsets(items: readonly DomainId[], most: number): DomainId[][] {
  const [first, ...rest] = items;
  if (first === undefined) return [[]];
  const without = subsets(rest, most);
  return [...without, ...without.filter((s) => s.length < most).map((s) => [first, ...s])];
}

function bestByForce(
  a: Book,
  b: Book,
  p: Parameters<typeof evaluateExchange>[3],
  within: (exchange: Exchange) => boolean,
): number {
  let best = 0;
  for (const exchange of exchanges(a, b, 1)) {
    if (!within(exchange)) continue;
    const { gainBitsPerSecond, violations } = evaluateExchange(a, b, exchange, p);
    if (violations.length === 0) best = Math.max(best, gainBitsPerSecond);
  }
  return best;
}

const tight: fc.Arbitrary<TestWorld> = worlds({ domainsMax: 10, rules: true, memoryGibibytes: 20 });

describe('the search', () => {
  it.each([
    ['single', ({ give, take }: Exchange) => give.length + take.length === 1],
    ['swap', ({ give, take }: Exchange) => give.length <= 1 && take.length <= 1],
  ] as const)('finds the best %s there is', (kind, within) => {
    fc.assert(
      fc.property(tight, parameters, (world, p) => {
        const [a, b] = [bookOf(world, 'a'), bookOf(world, 'b')];
        const best = bestByForce(a, b, p, within);
        const found = bestExchange(a, b, p, { kind, minGainBitsPerSecond: 1 });
        const gain = found?.evaluation.gainBitsPerSecond ?? 0;
        expect(Math.abs(gain - best)).toBeLessThanOrEqual(1 + 1e-9 * best);
        if (found) {
          expect(found.evaluation).toEqual(evaluateExchange(a, b, found.exchange, p));
          expect(found.evaluation.violations).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });
});
