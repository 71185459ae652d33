/** What a simulation tells: the document that `barter simulate --json` prints. Public: change only by adding. */

import type { PresetName } from '@barter/core';

export type SimulationOptions = Readonly<{
  preset?: PresetName;
  /** Equal seeds give equal results; default 1. */
  seed?: number;
  /** Ends here at the latest, quiet or not; seconds of simulated time. */
  untilSeconds?: number;
  /** How long a claim rests before its domain migrates; default as the preset says. */
  settleAfterSeconds?: number;
}>;

/** A live migration that happened. */
export type Migration = Readonly<{
  domain: string;
  from: string;
  to: string;
  /** When the domain ran at its target, seconds of simulated time. */
  atSeconds: number;
  /** What went over the wire for it. */
  bytes: number;
  /** The deal by which the target came to hold the claim. */
  deal: string;
}>;

/** The cluster at one moment. `nicBitsPerSecond` is what crosses the host's uplink, migrations aside. */
export type SeriesPoint = Readonly<{
  atSeconds: number;
  /** Network cost, Σ bitsPerSecond · distance over pairs of domains. */
  cost: number;
  hosts: Readonly<Record<string, Readonly<{ nicBitsPerSecond: number; cpu: number }>>>;
}>;

/** A claim that was still away from home at the end, and what it waits for (one sentence). */
export type Unsettled = Readonly<{ domain: string; holder: string; reason: string }>;

export type SimulationResult = Readonly<{
  /** Network cost alone, Σ bitsPerSecond · distance over pairs of domains: at the start and at the end. */
  initialCost: number;
  finalCost: number;
  placement: Readonly<Record<string, string>>;
  /** In the order in which they happened. */
  migrations: readonly Migration[];
  deals: number;
  migratedBytes: number;
  /** What agents sent each other until `quietAtSeconds` or the end of the timeline, whichever is later. */
  messages: number;
  messageBytes: number;
  /** When something last happened (a deal, a migration, a claim that came home). */
  quietAtSeconds: number;
  /** False when `untilSeconds` came first, or claims could not be settled. */
  quiet: boolean;
  unsettled: readonly Unsettled[];
  wallSeconds: number;
  series: readonly SeriesPoint[];
}>;
