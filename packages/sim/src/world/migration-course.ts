/**
 * How one simulated live migration goes: iterative pre-copy, the way QEMU does it. Every round sends
 * what the guest dirtied during the round before; when the rest fits into the allowed downtime the
 * guest stops and the rest is sent. A guest that dirties memory about as fast as it can be sent never
 * gets there, and the migration is given up.
 */

export type CourseInput = Readonly<{
  memoryBytes: number;
  dirtyBytesPerSecond: number;
  bandwidthBytesPerSecond: number;
  downtimeMaxMs: number;
}>;

export type Round = Readonly<{ startMs: number; durationMs: number; bytes: number }>;

export type MigrationCourse = Readonly<{
  converges: boolean;
  rounds: readonly Round[];
  /** All that goes over the wire. */
  bytes: number;
  durationMs: number;
  downtimeMs: number;
}>;

/** Pausing, handing over the devices and announcing the guest's addresses take this long besides the copy. */
export const switchoverMs = 20;
/** QEMU goes on for ever; operators do not. */
const roundsMax = 30;

/** The whole course in advance; nothing in a simulated world disturbs it once it has begun. */
export function planCourse(input: CourseInput): MigrationCourse {
  const bandwidth = Math.max(1, input.bandwidthBytesPerSecond);
  const rest = (bandwidth * Math.max(1, input.downtimeMaxMs)) / 1000;
  const rounds: Round[] = [];
  let remaining = input.memoryBytes;
  let startMs = 0;
  let bytes = 0;
  while (remaining > rest && rounds.length < roundsMax) {
    const durationMs = (remaining / bandwidth) * 1000;
    rounds.push({ startMs, durationMs, bytes: remaining });
    startMs += durationMs;
    bytes += remaining;
    // A guest cannot dirty more than it has.
    remaining = Math.min(input.memoryBytes, (input.dirtyBytesPerSecond * durationMs) / 1000);
  }
  if (remaining > rest) {
    return { converges: false, rounds, bytes, durationMs: startMs, downtimeMs: 0 };
  }
  const downtimeMs = (remaining / bandwidth) * 1000 + switchoverMs;
  rounds.push({ startMs, durationMs: downtimeMs, bytes: remaining });
  return {
    converges: true,
    rounds,
    bytes: Math.round(bytes + remaining),
    durationMs: startMs + downtimeMs,
    downtimeMs,
  };
}

/** How far a course is after `elapsedMs`. `bytesRemaining` is what is left of the current round. */
export function courseAt(
  course: MigrationCourse,
  elapsedMs: number,
): Readonly<{ bytesSent: number; bytesRemaining: number }> {
  let bytesSent = 0;
  for (const round of course.rounds) {
    const done = (elapsedMs - round.startMs) / Math.max(round.durationMs, 0.001);
    if (done < 1) {
      const part = Math.max(0, done) * round.bytes;
      return {
        bytesSent: Math.round(bytesSent + part),
        bytesRemaining: Math.round(round.bytes - part),
      };
    }
    bytesSent += round.bytes;
  }
  return { bytesSent: Math.round(bytesSent), bytesRemaining: 0 };
}
