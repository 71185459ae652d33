/** The rivals of the benchmark play by the rules, and the ruler measures what it says. */

import { describe, expect, it } from 'vitest';
import { placementCost, type World } from '../../packages/core/src/model/cost.ts';
import { measure } from './contestants.ts';
import { distanceTable, makeInstance } from './instance.ts';
import { replaySteps } from './rivals/check.ts';
import { jaBeJa } from './rivals/ja-be-ja.ts';
import { atMostOfGain, type Outcome } from './rivals/outcome.ts';
import { Placement } from './rivals/placement.ts';
import { score } from './rivals/score.ts';
import { singleSwaps } from './rivals/single-swaps.ts';
import { vMan } from './rivals/v-man.ts';
import { TRAFFIC_SHAPES } from './traffic.ts';

const free = () => 0;
const rivals: Readonly<Record<string, (placement: Placement) => Outcome>> = {
  "S-CORE's rule": (placement) => score(placement, free),
  'single swaps': (placement) => singleSwaps(placement, free, 1),
  'Ja-Be-Ja': (placement) => jaBeJa(placement, 1),
  'Ja-Be-Ja by distance': (placement) => jaBeJa(placement, 1, 'distance'),
  'V-MAN': (placement) => vMan(placement, 1),
};

const full = (seed: number): World =>
  makeInstance({ hosts: 7, fill: 95, shape: 'tenants', start: 'random', seed });
const place = (world: World): Placement => new Placement(world, distanceTable);
const networkCost = (world: World): number => placementCost(world, measure).network;

describe('every rival', () => {
  for (const [name, run] of Object.entries(rivals)) {
    it(`${name} breaks no limit at any step and ends with the cost it says`, () => {
      for (const seed of [1, 2, 3]) {
        const world = full(seed);
        const { steps, trace } = run(place(world));
        expect(steps.length).toBeGreaterThan(0);
        const end = replaySteps(world, steps);
        const said = trace.at(-1)?.cost ?? Number.NaN;
        expect(said / networkCost(end)).toBeCloseTo(1, 9);
      }
    });
  }
});

describe('those that only take what gains', () => {
  for (const name of ["S-CORE's rule", 'single swaps']) {
    it(`${name} lowers the cost with every step`, () => {
      const world = full(4);
      const { steps } = (rivals[name] as (placement: Placement) => Outcome)(place(world));
      const costs = steps.map((_, n) => networkCost(replaySteps(world, steps.slice(0, n + 1))));
      let before = networkCost(world);
      for (const cost of costs) {
        expect(cost).toBeLessThan(before);
        before = cost;
      }
    });
  }

  it('stay where they are when a move costs more than it can gain', () => {
    const dear = () => 1e15;
    expect(score(place(full(1)), dear).steps).toEqual([]);
    expect(singleSwaps(place(full(1)), dear, 1).steps).toEqual([]);
  });
});

it('V-MAN empties as many hosts as can be, where all are equal and few', () => {
  const world = makeInstance({ hosts: 7, fill: 50, shape: 'tenants', start: 'random', seed: 1 });
  const end = replaySteps(world, vMan(place(world), 1).steps);
  const used = new Set(end.domains.map(({ holder }) => holder)).size;
  expect(used).toBe(Math.ceil(world.domains.length / 16));
});

describe('the ruler', () => {
  it('finds fault with a move to a host without room, and with one from the wrong host', () => {
    const world = full(1);
    const placement = place(world);
    const to = world.hosts.findIndex((_, host) => !placement.fits(0, host));
    expect(to).toBeGreaterThanOrEqual(0);
    const domain = world.domains.findIndex((_, n) => placement.at(n) !== to);
    const from = placement.at(domain);
    expect(() => replaySteps(world, [[{ domain, from, to }]])).toThrow('more than it may');
    expect(() => replaySteps(world, [[{ domain, from: to, to: from }]])).toThrow('is not on host');
  });

  it('tells the gain of moves and swaps exactly', () => {
    for (const shape of TRAFFIC_SHAPES) {
      const world = makeInstance({ hosts: 7, fill: 75, shape, start: 'round-robin', seed: 2 });
      const placement = place(world);
      const rate = placement.neighbours[0]?.[0];
      // Two that talk to each other, so that their own traffic is counted right.
      const other = rate && placement.at(rate[0]) !== placement.at(0) ? rate[0] : 1;
      expect(placement.at(0)).not.toBe(placement.at(other));
      const before = placement.cost();
      expect(before / networkCost(world)).toBeCloseTo(1, 9);
      const gain = placement.swapGain(0, other);
      placement.swap(0, other);
      expect(Math.abs(before - placement.cost() - gain) / before).toBeLessThan(1e-9);
    }
  });

  it('takes the gain for reached when it is there for good', () => {
    const trace = [100, 4, 60, 5, 0].map((cost, round) => ({ round, messages: 10 * round, cost }));
    expect(atMostOfGain(trace)).toMatchObject({ round: 3, messages: 30 });
    expect(atMostOfGain(trace.slice(0, 1))).toBeUndefined();
  });
});
