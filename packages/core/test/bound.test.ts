import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layOut } from '../src/exchange/board.ts';
import { idealDivision } from '../src/exchange/bound.ts';
import { evaluateExchange } from '../src/exchange/evaluate.ts';
import { Position } from '../src/exchange/position.ts';
import type { CostParameters } from '../src/model/cost.ts';
import type { Book, DomainId } from '../src/model/model.ts';
import { preset } from '../src/preset.ts';
import { parameters, worlds } from './support/arbitrary.ts';
import { bookOf, domain, equalVmsOnTwo, GIB, host, rate, type TestWorld } from './support/world.ts';

const AFFINITY = preset('affinity').cost;

function ideal(a: Book, b: Book, p: CostParameters): number {
  const board = layOut(a, b, p);
  return idealDivision(board, new Position(board)).mostBitsPerSecond;
}

/** The most that any exchange gains, by trying them all. */
function bestByForce(a: Book, b: Book, p: CostParameters): number {
  const subsets = ({ offers }: Book): DomainId[][] =>
    Array.from({ length: 2 ** offers.length }, (_, bits) =>
      offers.filter((_offer, n) => (bits >> n) & 1).map(({ claim }) => claim.domain),
    );
  let best = 0;
  for (const give of subsets(a)) {
    for (const take of subsets(b)) {
      const { gainBitsPerSecond, violations } = evaluateExchange(a, b, { give, take }, p);
      if (violations.length === 0) best = Math.max(best, gainBitsPerSecond);
    }
  }
  return best;
}

/** Little room, and sometimes less than is held already. */
const tight = fc
  .constantFrom(
    { domainsMax: 8, memoryGibibytes: 14 },
    { domainsMax: 8, memoryGibibytes: 7 },
    { domainsMax: 8, memoryGibibytes: 14, vcpuLimit: 5 },
  )
  .chain(worlds);

describe('the ideal division of two books', () => {
  it('bounds what any exchange gains, however little room there is', () => {
    let close = 0;
    let pays = 0;
    fc.assert(
      fc.property(tight, parameters, (world, p) => {
        const [a, b] = [bookOf(world, 'a'), bookOf(world, 'b')];
        const best = bestByForce(a, b, p);
        const most = ideal(a, b, p);
        expect(most).toBeGreaterThanOrEqual(best * (1 - 1e-9));
        if (best > 1e6) pays += 1;
        if (best > 1e6 && most < 1.5 * best) close += 1;
      }),
      { numRuns: 300, seed: 5 },
    );
    // A bound that is far off would be true, and of no use.
    expect(pays).toBeGreaterThan(30);
    expect(close / pays).toBeGreaterThan(0.3);
  }, 60_000);

  it('is the best exchange itself where there is room, and nothing but traffic counts', () => {
    fc.assert(
      fc.property(worlds({ domainsMax: 8, memoryGibibytes: 10_000 }), (world) => {
        const [a, b] = [bookOf(world, 'a'), bookOf(world, 'b')];
        const best = bestByForce(a, b, AFFINITY);
        expect(ideal(a, b, AFFINITY)).toBeLessThanOrEqual(best * (1 + 1e-9) + 100);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it('counts of the hosts’ own cost what dividing their claims differently saves, not all of it', () => {
    const { cost } = preset('default');
    const most = (onA: number, onB: number): number => {
      const world = equalVmsOnTwo(onA, onB);
      return ideal(bookOf(world, 'a'), bookOf(world, 'b'), cost);
    };
    // Both far above the watermark of their memory, and no division is any better.
    expect(most(16, 16)).toBeLessThan(1e3);
    expect(most(16, 15)).toBeLessThan(1e3);
    expect(most(16, 14)).toBeGreaterThan(2e8);
  });

  it('counts the room that there is: full hosts that could only change places badly gain little', () => {
    const world = (memoryBytes: number): TestWorld => ({
      hosts: ['a', 'b', 'c'].map((id) =>
        host(id, [], { memoryBytes, memoryLimitBytes: memoryBytes }),
      ),
      domains: [
        domain('vm1', 'a', { memoryBytes: GIB }),
        domain('vm2', 'b', { memoryBytes: GIB, policy: { frozen: true } }),
        domain('vm3', 'b', { memoryBytes: GIB }),
      ],
      rates: [rate('vm1', 'vm2', 10e6), rate('vm2', 'vm3', 9e6)],
    });
    const most = (memoryBytes: number) =>
      ideal(bookOf(world(memoryBytes), 'a'), bookOf(world(memoryBytes), 'b'), AFFINITY);
    expect(most(8 * GIB)).toBeGreaterThan(9.9e6);
    // Only vm1 for vm3: what comes together costs what is torn apart.
    expect(most(2 * GIB)).toBeLessThan(1.1e6);
  });
});
