/**
 * The published placement rules as parameter sets of the one cost (see `cost.ts`), and the default with
 * all terms together. What a preset cannot say with the cost is said at the preset.
 *
 * Every agent of a cluster must run with the same preset and thresholds: the gain of a deal is part of
 * what both sides have to agree on.
 */

import type { SearchKind } from './exchange/exchange.ts';
import type { CostParameters, ExcessCurve } from './model/cost.ts';
import { DEFAULT_DISTANCE, type DistanceTable } from './model/distance.ts';

export const PRESETS = ['default', 'threshold', 'cpu-balance', 'aggregate', 'affinity'] as const;
export type PresetName = (typeof PRESETS)[number];

/** A watermark of the uplink: in bit/s on every host, or as a share of each host's own speed. */
export type NicWatermark = Readonly<{ bitsPerSecond: number }> | Readonly<{ share: number }>;

export type PresetSettings = Readonly<{
  distance: DistanceTable;
  thresholds: Readonly<{
    nicHigh: NicWatermark;
    /** Shares of all cores, and of all memory. */
    cpuHigh: number;
    memoryHigh: number;
  }>;
  paybackMs: number;
  minGainBitsPerSecond: number;
  /** Over how long measurements are smoothed: a change is not seen whole before. */
  smoothingMs?: number;
}>;

export const DEFAULT_SETTINGS: PresetSettings = {
  distance: DEFAULT_DISTANCE,
  thresholds: { nicHigh: { bitsPerSecond: 400e6 }, cpuHigh: 0.8, memoryHigh: 0.9 },
  paybackMs: 3_600_000,
  minGainBitsPerSecond: 1e6,
};

export type Preset = Readonly<{
  cost: CostParameters;
  search: SearchKind;
  minGainBitsPerSecond: number;
  timing: PresetTiming;
}>;

/** How long things have to last under a preset, unless the configuration says otherwise. */
export type PresetTiming = Readonly<{
  /** A claim rests this long before its domain moves; if the reason is gone by then, it comes home. */
  settleAfterMs: number;
  cooldownMs: number;
  /** See `steady.ts`. */
  steadyMs: number;
}>;

/**
 * What a host that uses all of its cores, from the watermark to 100 %, costs: as much as 2 Gbit/s at
 * distance 1. Enough that relieving it outweighs the affinity of most domains, little enough that a
 * domain is not torn from a partner it sends 10 Gbit/s to.
 */
const CPU_OVERLOAD_BITS_PER_SECOND = 2e9;
/** Memory above the watermark is room that is missing, not yet a guest that suffers: half as much. */
const MEMORY_OVERLOAD_BITS_PER_SECOND = 1e9;
/** Each bit/s above the watermark costs as much as two bit/s at distance 1: it delays all that share the uplink. */
const NIC_EXCESS_FACTOR = 2;
/** Spreading: what a host costs at full CPU load beyond its fair share of the steps; see `spread`. */
const CPU_SPREAD_BITS_PER_SECOND = 1e9;
/** Packing: a host that is on, and (the concave part) a host that is full. */
const HOST_ON_BITS_PER_SECOND = 1e9;
const HOST_FILL_BITS_PER_SECOND = 5e8;

const NOTHING: ExcessCurve = { weightBitsPerSecond: 0, hinges: [] };

/** The parameters of one preset. Total: every name has settings that make sense of every threshold. */
export function preset(name: PresetName, settings: PresetSettings = DEFAULT_SETTINGS): Preset {
  const { thresholds, distance, paybackMs, minGainBitsPerSecond } = settings;
  const cpu = overload(CPU_OVERLOAD_BITS_PER_SECOND, thresholds.cpuHigh);
  const memory = overload(MEMORY_OVERLOAD_BITS_PER_SECOND, thresholds.memoryHigh);
  const base = { distance, paybackMs, nic: NOTHING, cpu: NOTHING, memory: NOTHING };
  const choose = (
    terms: Partial<CostParameters> & Pick<CostParameters, 'affinityWeight'>,
    search: SearchKind,
  ): Preset => {
    const timing = presetTiming(name, settings);
    return { cost: { ...base, ...terms }, search, minGainBitsPerSecond, timing };
  };
  switch (name) {
    case 'default':
      return choose(
        { affinityWeight: 1, ...nicOverload(thresholds.nicHigh, NIC_EXCESS_FACTOR), cpu, memory },
        'bundle',
      );
    case 'affinity':
      // Pair traffic only: no load counts, only the hard limits hold.
      return choose({ affinityWeight: 1 }, 'bundle');
    case 'threshold':
      // Below the watermark nothing costs, above it every bit/s costs the same. So nothing happens while
      // both hosts are below, nor when both are high (what one loses the other gains); a host above
      // sends a domain to the one below; a swap happens where a one-way move would overload the other
      // side; a domain comes back when the loads have turned. Not said by the cost: the swap
      // band is not a gate (a swap with a partner below or above the band happens as well if it lowers the
      // excess), and of two moves that end below the watermark neither is preferred.
      return choose({ affinityWeight: 0, ...nicOverload(thresholds.nicHigh, 1) }, 'swap');
    case 'cpu-balance':
      return choose({ affinityWeight: 0, cpu: spread(CPU_SPREAD_BITS_PER_SECOND) }, 'swap');
    case 'aggregate':
      // Packs while CPU and memory stay below their watermarks, spreads when they pass them.
      return choose(
        {
          affinityWeight: 0,
          cpu: overload(10 * CPU_OVERLOAD_BITS_PER_SECOND, thresholds.cpuHigh),
          memory,
          hostOn: {
            onBitsPerSecond: HOST_ON_BITS_PER_SECOND,
            fillBitsPerSecond: HOST_FILL_BITS_PER_SECOND,
          },
        },
        'bundle',
      );
  }
}

/**
 * The published balancers look again after a minute or a few and act on what they see. So these presets
 * count loads as they are measured, and the pause before a settlement is what keeps a short peak from
 * moving anything.
 */
export function presetTiming(
  name: PresetName,
  settings: Pick<PresetSettings, 'paybackMs' | 'smoothingMs'> = DEFAULT_SETTINGS,
): PresetTiming {
  switch (name) {
    case 'threshold':
      return { settleAfterMs: 60_000, cooldownMs: 300_000, steadyMs: 0 };
    case 'cpu-balance':
    case 'aggregate':
      return { settleAfterMs: 120_000, cooldownMs: 600_000, steadyMs: 0 };
    default: {
      // A load that comes and goes within one payback time is on for half of it: that is too short.
      const { paybackMs, smoothingMs = 60_000 } = settings;
      const steadyMs = paybackMs / 2 + 5 * smoothingMs;
      return { settleAfterMs: 60_000, cooldownMs: 1_800_000, steadyMs };
    }
  }
}

/** Free up to the watermark, from there straight up to the weight at 100 %, then twice as steep. */
function overload(weightBitsPerSecond: number, high: number): ExcessCurve {
  const slope = high < 1 ? 1 / (1 - high) : 1;
  return {
    weightBitsPerSecond,
    hinges: [
      { above: high, slope },
      { above: Math.max(1, high), slope },
    ],
  };
}

function nicOverload(
  high: NicWatermark,
  factor: number,
): Pick<CostParameters, 'nic' | 'nicReferenceBitsPerSecond'> {
  if ('share' in high) {
    // A share has no bit/s of its own; a gigabit uplink is what turns it into some.
    const hinges = [{ above: high.share, slope: factor }];
    return { nic: { weightBitsPerSecond: 1e9, hinges } };
  }
  return {
    nic: { weightBitsPerSecond: high.bitsPerSecond, hinges: [{ above: 1, slope: factor }] },
    nicReferenceBitsPerSecond: high.bitsPerSecond,
  };
}

/** Utilisation squared in twenty straight pieces: the more one host has than another, the more it costs. */
function spread(weightBitsPerSecond: number): ExcessCurve {
  const steps = 20;
  const hinges = Array.from({ length: steps }, (_, i) => ({
    above: i / steps,
    slope: i === 0 ? 1 / steps : 2 / steps,
  }));
  return { weightBitsPerSecond, hinges };
}
