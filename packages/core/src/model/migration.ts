/**
 * What a live migration (pre-copy) is expected to send, before it is tried.
 *
 * The first round sends all memory M; while it runs, the guest dirties ρ·M of it again, with
 * ρ = dirty rate ÷ bandwidth; the next round sends that, and so on: Σ M·ρⁱ for i = 0…n, which is
 * M·(1−ρⁿ⁺¹)/(1−ρ). QEMU ends the rounds when the rest fits into the allowed downtime, so n is the
 * first round with M·ρⁿ ≤ bandwidth · downtime: that one is sent while the guest is paused.
 *
 * From ρ = 0.8 on, a migration is refused: it would send five times the memory or more, and a dirty
 * rate that is a little higher than measured would keep it from ending at all.
 */

import type { DomainTraits, HostCapacity } from './model.ts';

export const DIRTY_RATIO_LIMIT = 0.8;

/** More rounds than this say nothing: at ρ < 0.8 the rest is below 0.2 % of the memory by then. */
const ROUNDS_MAX = 30;

export type MigrationEstimate =
  | Readonly<{ ok: true; bytes: number; durationMs: number; rounds: number }>
  /** `reason` is one sentence for operators. */
  | Readonly<{ ok: false; code: 'never-converges' | 'no-bandwidth'; reason: string }>;

/**
 * Estimates one live migration. `memoryBytes` is what there is to send, `bandwidthBytesPerSecond`
 * what the migration may use of the uplink, `downtimeMs` the allowed downtime.
 */
export function estimateMigration(
  input: Readonly<{
    memoryBytes: number;
    dirtyBytesPerSecond: number;
    bandwidthBytesPerSecond: number;
    downtimeMs: number;
  }>,
): MigrationEstimate {
  const { memoryBytes, dirtyBytesPerSecond, bandwidthBytesPerSecond, downtimeMs } = input;
  if (!(bandwidthBytesPerSecond > 0)) {
    return {
      ok: false,
      code: 'no-bandwidth',
      reason: 'No bandwidth is known for migrations of this host; set migration.bandwidth.',
    };
  }
  const ratio = Math.max(0, dirtyBytesPerSecond) / bandwidthBytesPerSecond;
  if (!(ratio < DIRTY_RATIO_LIMIT)) {
    const percent = Math.round(ratio * 100);
    return {
      ok: false,
      code: 'never-converges',
      reason: `The guest dirties memory at ${percent} % of the migration bandwidth (limit ${DIRTY_RATIO_LIMIT * 100} %), so a live migration would hardly end.`,
    };
  }
  const rounds = dirtyRounds(
    memoryBytes,
    ratio,
    (bandwidthBytesPerSecond * Math.max(0, downtimeMs)) / 1000,
  );
  const bytes =
    ratio === 0 ? memoryBytes : (memoryBytes * (1 - ratio ** (rounds + 1))) / (1 - ratio);
  return { ok: true, bytes, durationMs: (bytes / bandwidthBytesPerSecond) * 1000, rounds };
}

/** The same for a domain as measured, out of a host that may use so much of its uplink for it; null: all of it. */
export function estimateFrom(
  { nicBitsPerSecond }: Pick<HostCapacity, 'nicBitsPerSecond'>,
  migration: Readonly<{ bandwidthBytesPerSecond: number | null; downtimeMs: number }>,
  { memoryBytes, dirtyBytesPerSecond }: Pick<DomainTraits, 'memoryBytes' | 'dirtyBytesPerSecond'>,
): MigrationEstimate {
  return estimateMigration({
    memoryBytes,
    dirtyBytesPerSecond,
    bandwidthBytesPerSecond: migration.bandwidthBytesPerSecond ?? nicBitsPerSecond / 8,
    downtimeMs: migration.downtimeMs,
  });
}

/** The first n with memory · ratioⁿ ≤ what fits into the downtime; at least one when anything is dirtied. */
function dirtyRounds(memoryBytes: number, ratio: number, downtimeBytes: number): number {
  if (ratio === 0 || memoryBytes <= 0) return 0;
  if (downtimeBytes <= 0) return ROUNDS_MAX;
  const rounds = Math.ceil(Math.log(downtimeBytes / memoryBytes) / Math.log(ratio));
  return Math.min(Math.max(rounds, 1), ROUNDS_MAX);
}
