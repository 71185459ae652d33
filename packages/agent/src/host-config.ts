/** What the configuration file means for the core: cost, timing and limits of this host. */

import { type HostConfig, type HostId, preset } from '@barter/core';
import type { Config } from './config/schema.ts';

/** The room a claim takes in a book message keeps this many claims and partners below its size limit. */
const bookOffers = 200;
const bookPartners = 32;

/** `name` is the host's name for people; `self` its peer id. */
export function hostConfigOf(config: Config, self: HostId, name: string): HostConfig {
  const { trading, thresholds, probe, limits, migration } = config;
  const everyMs = trading.everySeconds * 1000;
  const summaryEveryMs = Math.min(5_000, everyMs);
  const chosen = preset(config.preset, {
    distance: [0, 1, 3, 5],
    thresholds: {
      nicHigh: thresholds.nic.high,
      cpuHigh: thresholds.cpu.high,
      memoryHigh: thresholds.memory.high,
    },
    paybackMs: trading.paybackSeconds * 1000,
    minGainBitsPerSecond: trading.minGain,
    smoothingMs: probe.smoothingSeconds * 1000,
  });
  return {
    self,
    name,
    location: config.location,
    cost: chosen.cost,
    search: chosen.search,
    minGainBitsPerSecond: chosen.minGainBitsPerSecond,
    migrationsAtOnce: limits.migrationsAtOnce,
    bookOffers,
    bookPartners,
    migration: {
      bandwidthBytesPerSecond: migration.bandwidth > 0 ? migration.bandwidth / 8 : null,
      downtimeMs: migration.downtimeMs,
    },
    timing: {
      summaryEveryMs,
      // A host with nothing to trade comes to the configured time after one vain round (`proposing.ts`).
      tradeEveryMs: everyMs / 2,
      // A hung hypervisor or a silent peer is noticed after a few rounds, not after one lost packet; where
      // there are many peers each hears of this host only every third to fifth round (`summary.ts`).
      staleMs: Math.max(15_000, 4 * everyMs, 6 * summaryEveryMs, 4 * probe.intervalSeconds * 1000),
      proposalMs: 5_000,
      inDoubtMs: 30_000,
      committedMs: 300_000,
      claimLeaseMs: 120_000,
      settleAfterMs: trading.settleAfterSeconds * 1000,
      settleLeaseMs: 30_000,
      cooldownMs: trading.cooldownSeconds * 1000,
      steadyMs: chosen.timing.steadyMs,
      backoffMs: 4 * everyMs,
      backoffMaxMs: Math.max(600_000, 8 * everyMs),
      resendMs: 1_000,
      rowTrustMs: 2 * probe.smoothingSeconds * 1000,
      historyMs: 3_600_000,
      refreshMs: 120_000,
    },
  };
}
