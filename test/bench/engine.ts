/**
 * This engine on an instance: packages/core unchanged under simulation, so with messages that take time,
 * information that is stale, claims that settle, and migrations. The replay of the simulator checks every move.
 *
 * A round is one trade period of a host (5 s by default). The trace is the cost on paper, by who holds which
 * claim, as the rivals' is; what was sent includes all that hosts tell each other, summaries too.
 */

import type { PresetName } from '../../packages/core/src/index.ts';
import {
  type CostParameters,
  placementCost,
  type World,
} from '../../packages/core/src/model/cost.ts';
import { defaultTiming, replay, SimCluster } from '../../packages/sim/src/index.ts';
import { QuietWatch } from '../../packages/sim/src/simulate/quiet.ts';
import { clusterOf } from './instance.ts';
import type { Outcome, TracePoint } from './rivals/outcome.ts';

export type EngineOptions = Readonly<{
  preset: PresetName;
  paybackSeconds: number;
  seed: number;
  cost: CostParameters;
}>;

/** Simulated seconds after which a run ends, quiet or not. */
const limitSeconds = 4 * 3600;

export function runEngine(world: World, options: EngineOptions): Outcome {
  const cluster = clusterOf(world);
  const sim = new SimCluster(cluster, {
    seed: options.seed,
    preset: options.preset,
    cost: { paybackMs: options.paybackSeconds * 1000 },
  });
  const timing = sim.hosts[0]?.state?.config.timing ?? defaultTiming;
  const watch = new QuietWatch(sim, timing);
  const trace: TracePoint[] = [];
  // A round: what a host with nothing to trade takes from one proposal to the next.
  const everyMs = 2 * timing.tradeEveryMs;
  for (let round = 0; ; round++) {
    sim.runUntil(round * everyMs);
    watch.look();
    // Nothing changes on paper while nothing is dealt, moved or taken back.
    if (round === 0 || sim.world.nowMs() - watch.busyAtMs < everyMs)
      trace.push({ round, messages: sim.network.messages, cost: paperCost(world, sim, options) });
    if (watch.isQuiet(0) || watch.isStuck(0) || round * everyMs >= limitSeconds * 1000) break;
  }
  const checked = replay(cluster, sim.moves);
  const problem = checked.problems[0];
  if (problem) throw new Error(`the engine's move ${problem.step}: ${problem.message}`);
  const index = new Map<string, number>(world.hosts.map(({ host }, n) => [host, n]));
  const domainIndex = new Map<string, number>(world.domains.map(({ domain }, n) => [domain, n]));
  const steps = sim.moves.map(({ domain, from, to }) => [
    {
      domain: domainIndex.get(domain) ?? -1,
      from: index.get(from) ?? -1,
      to: index.get(to) ?? -1,
    },
  ]);
  return { steps, trace };
}

function paperCost(world: World, sim: SimCluster, { cost }: EngineOptions): number {
  const placement = sim.world.placement();
  const holders = new Map<string, World['domains'][number]['holder']>();
  for (const { id, state } of sim.hosts) {
    for (const { claim, givenTo } of state?.holdings.values() ?? [])
      if (givenTo === null) holders.set(claim.domain, id);
  }
  const homes = new Map(world.hosts.map(({ host }) => [String(host), host]));
  const domains = world.domains.map((d) => ({
    ...d,
    holder: holders.get(d.domain) ?? homes.get(placement[d.domain] ?? '') ?? d.holder,
  }));
  return placementCost({ ...world, domains }, cost).network;
}
