/** How a simulated host's core is configured: the agent's defaults, unless the simulation says otherwise. */

import {
  DEFAULT_SETTINGS,
  type HostConfig,
  type HostId,
  type HostTiming,
  type PresetName,
  type PresetSettings,
  preset,
} from '@barter/core';

/** The timing of an agent with the default configuration; presets have some of their own. */
export const defaultTiming: HostTiming = {
  summaryEveryMs: 5_000,
  tradeEveryMs: 2_500,
  staleMs: 30_000,
  proposalMs: 5_000,
  inDoubtMs: 60_000,
  committedMs: 120_000,
  claimLeaseMs: 120_000,
  settleAfterMs: 60_000,
  settleLeaseMs: 30_000,
  cooldownMs: 1_800_000,
  steadyMs: 2_100_000,
  backoffMs: 10_000,
  backoffMaxMs: 300_000,
  resendMs: 1_000,
  rowTrustMs: 120_000,
  historyMs: 600_000,
  refreshMs: 120_000,
};

export type HostSettings = Readonly<{
  preset: PresetName;
  cost: Partial<PresetSettings>;
  timing: Partial<HostTiming>;
  migrationsAtOnce: number;
}>;

export function hostConfig(
  self: HostId,
  location: readonly string[],
  distance: readonly number[],
  settings: HostSettings,
): HostConfig {
  const { cost, search, minGainBitsPerSecond, timing } = preset(settings.preset, {
    ...DEFAULT_SETTINGS,
    distance,
    ...settings.cost,
  });
  return {
    self,
    name: self,
    location,
    cost,
    search,
    minGainBitsPerSecond,
    migrationsAtOnce: settings.migrationsAtOnce,
    bookOffers: 200,
    bookPartners: 32,
    migration: { bandwidthBytesPerSecond: null, downtimeMs: 300 },
    timing: { ...defaultTiming, ...timing, ...settings.timing },
  };
}
