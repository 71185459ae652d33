/**
 * `npm run bench [-- --hosts 7,24,64 --fills 75,90 --seeds 10 --shapes tenants,… --starts random,… --quick]`
 *
 * This engine and what people would otherwise use, on identical seeded clusters. Writes the tables of
 * docs/benchmarks.md; the text around them is left alone. `--consolidation` compares how many hosts become
 * empty instead. Results are kept (`--results`): a benchmark may be run in pieces, for some seeds (`--seeds 4-6`)
 * and rows (`--contestants affinity,METIS`), and taken up where it was cut off (`--resume`); `--fresh` forgets them first. METIS takes part where `gpmetis` is installed (Debian package `metis`).
 */

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { placementCost, type World } from '../../packages/core/src/model/cost.ts';
import {
  type Contestant,
  consolidationContestants,
  measure,
  trafficContestants,
} from './contestants.ts';
import { type Instance, makeInstance, STARTS } from './instance.ts';
import { metisInstalled } from './metis.ts';
import { writeTables } from './report.ts';
import { type Measured, Results } from './results.ts';
import { replaySteps } from './rivals/check.ts';
import { atMostOfGain } from './rivals/outcome.ts';
import { TRAFFIC_SHAPES } from './traffic.ts';

const root = new URL('../../', import.meta.url);
const { values } = parseArgs({
  options: {
    hosts: { type: 'string' },
    fills: { type: 'string' },
    seeds: { type: 'string' },
    shapes: { type: 'string', default: 'tenants' },
    starts: { type: 'string', default: 'random' },
    quick: { type: 'boolean', default: false },
    consolidation: { type: 'boolean', default: false },
    contestants: { type: 'string' },
    resume: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    results: {
      type: 'string',
      default: fileURLToPath(new URL('node_modules/.cache/barter-bench.jsonl', root)),
    },
    document: { type: 'string', default: fileURLToPath(new URL('docs/benchmarks.md', root)) },
  },
});

const numbers = (text: string): number[] => text.split(',').filter(Boolean).map(Number);
const chosen = <Name extends string>(text: string, known: readonly Name[]): Name[] =>
  text.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (!found) throw new Error(`there is no "${name}"; known are ${known.join(', ')}`);
    return found;
  });

/** `10` is one to ten, `4-6` is four to six. */
const seedRange = (values.seeds ?? (values.quick ? '2' : '10')).split('-').map(Number);
const [firstSeed, lastSeed] = [seedRange.length > 1 ? seedRange[0] : 1, seedRange.at(-1)];
const wanted = values.contestants?.split(',');
const contestants = (
  values.consolidation ? consolidationContestants() : trafficContestants()
).filter(({ name }) => wanted?.some((part) => name.includes(part)) ?? true);
if (!metisInstalled())
  console.log('gpmetis is not installed (Debian package "metis"): METIS sits out');
if (values.fresh) rmSync(values.results, { force: true });
const results = new Results(values.results);
for (const hosts of numbers(values.hosts ?? (values.quick ? '7' : '7,24,64'))) {
  for (const fill of numbers(values.fills ?? (values.consolidation ? '25,50' : '75,90'))) {
    for (const shape of chosen(values.shapes, TRAFFIC_SHAPES)) {
      for (const start of chosen(values.starts, STARTS)) {
        for (let seed = firstSeed ?? 1; seed <= (lastSeed ?? 0); seed++) {
          const instance: Instance = { hosts, fill, shape, start, seed };
          const world = makeInstance(instance);
          for (const contestant of contestants) {
            if (values.resume && results.has(instance, contestant.name)) continue;
            const measured = run(instance, world, contestant);
            results.add(measured);
            console.log(lineOf(measured));
          }
        }
      }
    }
  }
}
writeTables(values.document, results.all());

/** One contestant on one cluster; throws when a hard limit is broken on the way. */
function run(instance: Instance, world: World, contestant: Contestant): Measured {
  const startedAtMs = performance.now();
  const { steps, trace } = contestant.run(world, instance.seed);
  const wallSeconds = (performance.now() - startedAtMs) / 1000;
  const end = replaySteps(world, steps);
  const moves = steps.flat();
  const startCost = placementCost(world, measure).network;
  const reached = atMostOfGain(trace);
  const used = new Set(end.domains.map(({ holder }) => holder)).size;
  const usedBefore = new Set(world.domains.map(({ holder }) => holder)).size;
  return {
    ...instance,
    contestant: contestant.name,
    domains: world.domains.length,
    startCost,
    costLeft: placementCost(end, measure).network / startCost,
    moves: moves.length,
    displaced: end.domains.filter(({ home, holder }) => home !== holder).length,
    movedBytes: moves.reduce(
      (sum, { domain }) => sum + (world.domains[domain]?.traits.migrationBytes ?? 0),
      0,
    ),
    rounds: reached?.round ?? null,
    messages: reached?.messages ?? null,
    hostsEmptied: usedBefore - used,
    wallSeconds,
  };
}

function lineOf(m: Measured): string {
  return (
    `${m.hosts} hosts, ${m.fill} %, ${m.shape}, ${m.start}, seed ${m.seed}: ${m.contestant}: ` +
    `${m.costLeft.toFixed(4)} left, ${(m.moves / m.domains).toFixed(2)} moves a VM, ` +
    `${m.hostsEmptied} hosts emptied, ${m.wallSeconds.toFixed(1)} s`
  );
}
