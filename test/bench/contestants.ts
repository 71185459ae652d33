/** Everybody who takes part in the benchmark, by the name that stands in the table. */

import {
  type CostParameters,
  displacementCost,
  type World,
} from '../../packages/core/src/model/cost.ts';
import { preset } from '../../packages/core/src/preset.ts';
import { runEngine } from './engine.ts';
import { distanceTable } from './instance.ts';
import { METIS_METHODS, type MetisMethod, metisInstalled, metisPlacement } from './metis.ts';
import { jaBeJa } from './rivals/ja-be-ja.ts';
import type { Outcome } from './rivals/outcome.ts';
import { Placement } from './rivals/placement.ts';
import { score } from './rivals/score.ts';
import { singleSwaps } from './rivals/single-swaps.ts';
import { vMan } from './rivals/v-man.ts';

export type Contestant = Readonly<{
  name: string;
  run: (world: World, seed: number) => Outcome;
}>;

/** What everybody is measured by: pair traffic alone. */
export const measure: CostParameters = { ...preset('affinity').cost, distance: distanceTable };

const hour = 3600;
const month = 30 * 24 * hour;
const paybacks = [
  ['1 h', hour],
  ['30 days', month],
] as const;

/** For network cost. */
export function trafficContestants(): readonly Contestant[] {
  return [
    engine('default', '1 h', hour),
    ...paybacks.map(([label, seconds]) => engine('affinity', label, seconds)),
    ...paybacks.map(([label, seconds]) => ({
      name: `S-CORE's rule, payback ${label}`,
      run: (world: World) => score(new Placement(world, distanceTable), costOfMove(world, seconds)),
    })),
    ...paybacks.map(([label, seconds]) => ({
      name: `single swaps, payback ${label}`,
      run: (world: World, seed: number) =>
        singleSwaps(new Placement(world, distanceTable), costOfMove(world, seconds), seed),
    })),
    ...(['host', 'distance'] as const).map((utility) => ({
      name: utility === 'host' ? 'Ja-Be-Ja' : 'Ja-Be-Ja, partners counted by distance',
      run: (world: World, seed: number) =>
        jaBeJa(new Placement(world, distanceTable), seed, utility),
    })),
    ...(metisInstalled() ? metisContestants() : []),
  ];
}

/** For the number of hosts that become empty. */
export function consolidationContestants(): readonly Contestant[] {
  return [
    engine('aggregate', '1 h', hour),
    engine('aggregate', '30 days', month),
    { name: 'V-MAN', run: (world, seed) => vMan(new Placement(world, distanceTable), seed) },
  ];
}

function engine(
  name: 'default' | 'affinity' | 'aggregate',
  label: string,
  paybackSeconds: number,
): Contestant {
  return {
    name: `Barter, ${name}, payback ${label}`,
    run: (world, seed) => runEngine(world, { preset: name, paybackSeconds, seed, cost: measure }),
  };
}

/** c_m in S-CORE's words: what the engine would count for the same migration. */
function costOfMove(world: World, paybackSeconds: number): (domain: number) => number {
  const costs = world.domains.map(({ traits }) =>
    displacementCost(traits.migrationBytes, paybackSeconds * 1000),
  );
  return (domain) => costs[domain] ?? 0;
}

function metisContestants(): readonly Contestant[] {
  const of = (method: MetisMethod, name: string): Contestant => ({
    name,
    run: (world, seed) => atOnce(world, metisPlacement(world, method, seed, distanceTable)),
  });
  const names = {
    kway: 'METIS tuned: k-way, 10 cuts, free room as imbalance',
    rb: 'METIS tuned: recursive bisection, 10 cuts, free room as imbalance',
    levels: 'METIS tuned: pods, racks, hosts in turn, 10 cuts, free room as imbalance',
  } as const;
  return [
    of('plain', 'METIS plain: gpmetis as it comes'),
    ...METIS_METHODS.map((method) => of(method, names[method])),
  ];
}

/** A central plan is one step: in which order it could be carried out is not asked. */
function atOnce(world: World, placed: World): Outcome {
  const index = new Map(world.hosts.map(({ host }, n) => [host, n]));
  const moves = world.domains.flatMap(({ holder }, domain) => {
    const target = placed.domains[domain]?.holder ?? holder;
    return target === holder
      ? []
      : [{ domain, from: index.get(holder) ?? -1, to: index.get(target) ?? -1 }];
  });
  return { steps: [moves], trace: [] };
}
