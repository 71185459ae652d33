/**
 * A clock that an agent and its movers share: Linux's CLOCK_MONOTONIC, which no one sets and which
 * counts alike in every process of a host. For the end of a lease, agreed on before the mover runs.
 */

/** Milliseconds since some fixed moment of this boot. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
