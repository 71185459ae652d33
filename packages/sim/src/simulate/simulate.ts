/**
 * What would happen to a cluster: lets simulated agents barter over it until it is quiet and its timeline
 * is over. Equal clusters, options and seeds give equal results, `wallSeconds` aside.
 */

import { DEFAULT_SETTINGS, type DomainId, type PresetSettings } from '@barter/core';
import { SimCluster } from '../cluster/cluster.ts';
import { defaultTiming } from '../cluster/host-config.ts';
import type { Cluster } from '../world/cluster-model.ts';
import { QuietWatch, unsettledClaims } from './quiet.ts';
import type { Migration, SimulationOptions, SimulationResult } from './result.ts';
import { Series } from './series.ts';

/**
 * The agent's defaults, but for memory: where a file sets no limit below what a host has, all of it may be
 * used, and a full host is not an overloaded one.
 */
function thresholdsOf({ hosts }: Cluster): PresetSettings['thresholds'] {
  const { thresholds } = DEFAULT_SETTINGS;
  const isLimited = hosts.some(
    ({ memoryBytes, memoryLimitBytes }) => (memoryLimitBytes ?? memoryBytes) < memoryBytes,
  );
  return isLimited ? thresholds : { ...thresholds, memoryHigh: 1 };
}

/** How often a simulation looks whether it is over. */
const lookEveryMs = 1_000;
/** A cluster that is not quiet by then never will be: something keeps it trading. */
const quietWithinMs = 48 * 3_600_000;

export function simulate(cluster: Cluster, options: SimulationOptions = {}): SimulationResult {
  const startedAt = performance.now();
  const dealOf = new Map<DomainId, string>();
  const sim = new SimCluster(cluster, {
    seed: options.seed ?? 1,
    preset: options.preset ?? 'default',
    cost: { thresholds: thresholdsOf(cluster) },
    ...(options.settleAfterSeconds === undefined
      ? {}
      : { timing: { settleAfterMs: options.settleAfterSeconds * 1000 } }),
    onEffect: (_host, _atMs, effect) => {
      if (effect.kind !== 'migrate') return;
      const { domain, target } = effect.order;
      dealOf.set(domain, sim.host(target).state?.holdings.get(domain)?.deal ?? '');
    },
  });
  const { world, network } = sim;
  const migrations: Migration[] = [];
  const series = new Series(world);
  const watch = new QuietWatch(sim, sim.hosts[0]?.state?.config.timing ?? defaultTiming);
  const initialCost = world.networkCost();
  const timelineEndMs = (cluster.timeline.at(-1)?.atSeconds ?? 0) * 1000;
  const untilMs = Math.min(
    (options.untilSeconds ?? Infinity) * 1000,
    timelineEndMs + quietWithinMs,
  );
  let sent = { messages: 0, bytes: 0 };
  let isQuiet = false;
  for (;;) {
    series.note();
    watch.look();
    for (const { domain, from, to, atMs, bytes } of sim.moves.slice(migrations.length)) {
      const deal = dealOf.get(domain) ?? '';
      migrations.push({ domain, from, to, atSeconds: atMs / 1000, bytes, deal });
    }
    const nowMs = world.nowMs();
    if (watch.busyAtMs >= nowMs || nowMs <= timelineEndMs)
      sent = { messages: network.messages, bytes: network.bytes };
    isQuiet = nowMs >= timelineEndMs && watch.isQuiet(timelineEndMs);
    if (isQuiet || nowMs >= untilMs || watch.isStuck(timelineEndMs)) break;
    sim.runUntil(Math.min(untilMs, nowMs + lookEveryMs));
  }
  const endMs = isQuiet ? Math.max(watch.busyAtMs, timelineEndMs) : world.nowMs();
  return {
    initialCost,
    finalCost: world.networkCost(),
    placement: world.placement(),
    migrations,
    deals: sim.deals.length,
    migratedBytes: migrations.reduce((sum, { bytes }) => sum + bytes, 0),
    messages: sent.messages,
    messageBytes: sent.bytes,
    quietAtSeconds: (isQuiet ? watch.busyAtMs : watch.changedAtMs) / 1000,
    quiet: isQuiet,
    unsettled: unsettledClaims(sim),
    wallSeconds: (performance.now() - startedAt) / 1000,
    series: series.until(endMs),
  };
}
