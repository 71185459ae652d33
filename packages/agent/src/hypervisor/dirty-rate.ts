/**
 * How fast each domain writes to its memory, in bytes per second: measured by QEMU, rarely and one domain
 * at a time, or estimated from how busy the domain is.
 *
 * A measurement makes QEMU hash 512 sampled pages of each GiB twice, a second apart: a few
 * milliseconds of CPU. It does not look at memory blocks below 128 MiB, and counts whole MiB/s.
 */

import {
  type DomainReference,
  dirtyRateStatus,
  numberOf,
  type TypedParameters,
} from '@barter/libvirt';

export type DirtyRate = Readonly<{
  bytesPerSecond: number;
  /** Where the number is from, for operators. */
  source: 'measured' | 'estimated: busy cores' | 'estimated: memory too small to measure';
}>;

export type DirtyRateSettings = Readonly<{
  /** How old a measurement may be before it is made again. */
  renewMs: number;
  /** How long one measurement lasts, whole seconds. */
  measureSeconds: number;
}>;

export const dirtyRateDefaults: DirtyRateSettings = { renewMs: 10 * 60_000, measureSeconds: 1 };

const mebibyte = 1024 * 1024;
/** MIN_RAMBLOCK_SIZE of QEMU's dirtyrate.h. */
const measurableBytesMin = 128 * mebibyte;
/** An ordinary server workload; a guest that does more than that is found by measuring. */
const bytesPerBusyCore = 16 * mebibyte;
/** The kernel's own ticking, in a guest that is idle. */
const idleBytes = mebibyte / 4;
/** When the state "measuring" lasts longer than this, the measurement was lost. */
const measuringMsMax = 60_000;

type Entry = {
  measured: number | null;
  startedAtMs: number;
  /** Waiting for this measurement's result. */
  measuring: boolean;
};

export class DirtyRates {
  readonly #settings: DirtyRateSettings;
  readonly #entries = new Map<string, Entry>();
  #unsupported = false;

  constructor(settings: DirtyRateSettings = dirtyRateDefaults) {
    this.#settings = settings;
  }

  /** The rate of one domain, from its latest statistics (the `dirtyRate` group) and its busy cores. */
  read(
    domain: Readonly<{ uuid: string; memoryBytes: number; cores: number }>,
    statistics: TypedParameters,
  ): DirtyRate {
    const entry = this.#entries.get(domain.uuid);
    if (
      entry?.measuring &&
      numberOf(statistics, 'dirtyrate.calc_status') === dirtyRateStatus.measured
    ) {
      const rate = numberOf(statistics, 'dirtyrate.megabytes_per_second');
      entry.measuring = false;
      if (rate !== undefined) entry.measured = Math.max(0, rate) * mebibyte;
    }
    const estimate = Math.min(
      idleBytes + domain.cores * bytesPerBusyCore,
      // Nothing dirties more than all of its memory every second.
      domain.memoryBytes,
    );
    if (domain.memoryBytes < measurableBytesMin) {
      return { bytesPerSecond: estimate, source: 'estimated: memory too small to measure' };
    }
    if (entry === undefined || entry.measured === null) {
      return { bytesPerSecond: estimate, source: 'estimated: busy cores' };
    }
    // Below its resolution of 1 MiB/s, a measured 0 says only that it is little.
    return { bytesPerSecond: Math.max(entry.measured, idleBytes), source: 'measured' };
  }

  /**
   * Starts at most one measurement: of the domain whose last one is the oldest, if that is old enough.
   * `start` rejects when QEMU cannot; the domain is then left alone until its next turn.
   */
  async renew(
    domains: readonly Readonly<{ reference: DomainReference; memoryBytes: number }>[],
    nowMs: number,
    start: (domain: DomainReference, seconds: number) => Promise<void>,
  ): Promise<void> {
    if (this.#unsupported) return;
    const { renewMs, measureSeconds } = this.#settings;
    let oldest: { reference: DomainReference; startedAtMs: number } | undefined;
    for (const { reference, memoryBytes } of domains) {
      if (memoryBytes < measurableBytesMin) continue;
      const entry = this.#entries.get(reference.uuid);
      if (entry?.measuring && nowMs - entry.startedAtMs < measuringMsMax) return;
      const startedAtMs = entry?.startedAtMs ?? Number.NEGATIVE_INFINITY;
      if (nowMs - startedAtMs < renewMs) continue;
      if (oldest === undefined || startedAtMs < oldest.startedAtMs) {
        oldest = { reference, startedAtMs };
      }
    }
    if (oldest === undefined) return;
    const measured = this.#entries.get(oldest.reference.uuid)?.measured ?? null;
    const entry: Entry = { measured, startedAtMs: nowMs, measuring: true };
    this.#entries.set(oldest.reference.uuid, entry);
    try {
      await start(oldest.reference, measureSeconds);
    } catch {
      entry.measuring = false;
    }
  }

  /** The driver does not measure at all: estimate, and stop asking. */
  giveUp(): void {
    this.#unsupported = true;
  }

  /** Forgets every domain that is not among these. */
  keep(domains: ReadonlySet<string>): void {
    for (const uuid of this.#entries.keys()) if (!domains.has(uuid)) this.#entries.delete(uuid);
  }
}
