/**
 * Exponential smoothing of a rate that is observed over intervals of any length. Pure.
 *
 * With time constant τ, an interval of length d with mean rate x turns the average s into
 * s·e^(−d/τ) + x·(1 − e^(−d/τ)): what happened one τ ago weighs e times less than what happens now.
 * Two intervals of the same rate give what one of their common length gives, so irregular readings
 * do no harm.
 *
 * An average that began at 0 is too low at first; dividing it by the weight that the observed time
 * has, 1 − e^(−observed/τ), takes that out (the mean of what was seen, recent more than old).
 */

/** How much of the old average is left after `intervalMs`. */
export function decay(intervalMs: number, timeConstantMs: number): number {
  return Math.exp(-Math.max(0, intervalMs) / timeConstantMs);
}

/** The average after one more interval with the given mean rate. `average` began at 0. */
export function smooth(
  average: number,
  meanRate: number,
  intervalMs: number,
  timeConstantMs: number,
): number {
  const left = decay(intervalMs, timeConstantMs);
  return average * left + meanRate * (1 - left);
}

/** An average that began at 0 `observedMs` ago, as an estimate of the rate; 0 before any time has passed. */
export function unbiased(average: number, observedMs: number, timeConstantMs: number): number {
  const weight = 1 - decay(observedMs, timeConstantMs);
  return weight > 0 ? average / weight : 0;
}

/**
 * What was added to a counter between two readings. A counter that fell began again at 0 (it expired,
 * or someone reset it): what it shows now is what was added since.
 */
export function added(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}
