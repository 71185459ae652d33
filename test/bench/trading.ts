/**
 * `node test/bench/trading.ts [--hosts 64] [--seeds 3] [--fill 75,90] [--kinds single,swap,bundle] [--sizes equal,mixed]`
 *
 * Network cost left as a share of the start, for paper trading with moves, swaps and bundles, and for METIS
 * where `gpmetis` is installed, on the same seeded clusters from a random start.
 */

import { parseArgs } from 'node:util';
import type { SearchKind } from '../../packages/core/src/exchange/exchange.ts';
import type { CostParameters } from '../../packages/core/src/model/cost.ts';
import { placementCost } from '../../packages/core/src/model/cost.ts';
import { preset } from '../../packages/core/src/preset.ts';
import { type ClusterShape, makeCluster } from './cluster.ts';
import { METIS_METHODS, metisInstalled, metisPlacement } from './metis.ts';
import { trade } from './trade.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '64' },
    seeds: { type: 'string', default: '3' },
    fill: { type: 'string', default: '75,90' },
    kinds: { type: 'string', default: 'single,swap,bundle' },
    sizes: { type: 'string', default: 'equal' },
    payback: { type: 'string', default: '3600' },
    preset: { type: 'string', default: 'affinity' },
  },
});

const cost: CostParameters = {
  ...preset(values.preset === 'default' ? 'default' : 'affinity').cost,
  paybackMs: Number(values.payback) * 1000,
};
const minGainBitsPerSecond = 1e6;

/** Pods × racks × hosts a rack for a number of hosts. */
function layout(hosts: number): readonly [number, number, number] {
  const pods = hosts >= 256 ? 8 : hosts >= 16 ? 4 : 1;
  const perRack = 4;
  return [pods, hosts / pods / perRack, perRack];
}

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, x) => sum + Math.log(x), 0) / numbers.length);
}

const left = new Map<string, number[]>();
for (const fill of values.fill.split(',')) {
  for (const sizes of values.sizes.split(',')) {
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const [pods, racksPerPod, hostsPerRack] = layout(Number(values.hosts));
      const shape: ClusterShape = {
        seed,
        pods,
        racksPerPod,
        hostsPerRack,
        slots: 16,
        fill: Number(fill) / 100,
        sizes: sizes === 'mixed' ? 'mixed' : 'equal',
      };
      const world = makeCluster(shape);
      const start = placementCost(world, cost).network;
      const line = [
        `${values.hosts} hosts ${world.domains.length} VMs ${fill} % ${sizes} seed ${seed}:`,
      ];
      const note = (name: string, share: number, more: string): void => {
        left.set(name, [...(left.get(name) ?? []), share]);
        line.push(`${name} ${share.toFixed(4)}${more}`);
      };
      for (const method of metisInstalled() ? METIS_METHODS : []) {
        const placed = metisPlacement(world, method, seed, cost.distance);
        note(`metis-${method}`, placementCost(placed, cost).network / start, '');
      }
      for (const kind of values.kinds.split(',') as SearchKind[]) {
        const startedAt = performance.now();
        const result = trade(world, cost, kind, { seed, minGainBitsPerSecond });
        const seconds = (performance.now() - startedAt) / 1000;
        const moved = result.world.domains.filter((d) => d.home !== d.holder).length;
        const vms = world.domains.length;
        note(
          kind,
          placementCost(result.world, cost).network / start,
          ` (${result.deals} deals, ${(result.traded / vms).toFixed(2)} traded and ${(moved / vms).toFixed(2)} moved a VM, ` +
            `${result.searches} searches of ${(result.searchMs / result.searches).toFixed(2)} ms, ${result.rounds} rounds, ${seconds.toFixed(1)} s)`,
        );
      }
      console.log(line.join('\n  '));
    }
  }
}
for (const [name, shares] of left) {
  const mean = geometricMean(shares);
  const ratios = METIS_METHODS.flatMap((method) => {
    const metis = left.get(`metis-${method}`);
    return metis ? [`${(mean / geometricMean(metis)).toFixed(2)} of ${method}`] : [];
  });
  console.log(`${name}: geometric mean ${mean.toFixed(4)}; ${ratios.join(', ')}`);
}
