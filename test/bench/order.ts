/**
 * `npm run bench:order [-- --hosts N --fill P --seeds N --shape SHAPE]`
 *
 * How much of the gain the first half of the migrations brings: in the engine's order, in that of a central planner, and at
 * best, with regard to room and without (`best-order.ts`).
 */

import { parseArgs } from 'node:util';
import { simulate } from '@barter/sim';
import { type HalfGains, halfGains } from './best-order.ts';
import { clusterOf, distanceTable, makeInstance } from './instance.ts';
import { TRAFFIC_SHAPES } from './traffic.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '12' },
    fill: { type: 'string', default: '90' },
    seeds: { type: 'string', default: '6' },
    shape: { type: 'string', default: 'tenants' },
  },
});
const [hosts, fill, seeds] = [values.hosts, values.fill, values.seeds].map(Number);
const shape = TRAFFIC_SHAPES.find((known) => known === values.shape);
if (shape === undefined) throw new Error(`--shape takes one of ${TRAFFIC_SHAPES.join(', ')}`);

const all: HalfGains[] = [];
for (let seed = 1; seed <= (seeds ?? 0); seed++) {
  const world = makeInstance({
    hosts: hosts ?? 0,
    fill: fill ?? 0,
    shape,
    start: 'random',
    seed,
  });
  const { migrations } = simulate(clusterOf(world), { seed });
  const gains = halfGains(world, distanceTable, migrations);
  all.push(gains);
  console.log(`seed ${seed}: ${migrations.length} migrations, half of them bring ${told(gains)}`);
}
const mean = (pick: (gains: HalfGains) => number) =>
  all.reduce((sum, gains) => sum + pick(gains), 0) / all.length;
console.log(
  `${shape}, ${hosts} hosts, ${fill} % full, mean of ${all.length}: ${told({
    taken: mean(({ taken }) => taken),
    planner: mean(({ planner }) => planner),
    bestWithRoom: mean(({ bestWithRoom }) => bestWithRoom),
    best: mean(({ best }) => best),
  })}`,
);

function told({ taken, planner, bestWithRoom, best }: HalfGains): string {
  const [here, there, most, more] = [taken, planner, bestWithRoom, best].map((share) =>
    share.toFixed(3),
  );
  return `${here} of the gain (a central planner ${there}; at best ${most}, were there room ${more})`;
}
