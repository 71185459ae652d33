/** Traffic rows: whom a domain talks to, and how much. */

import type { TrafficRow } from './model.ts';

/** Whether two rows name the same partners in the same order, as those of one domain nearly always do. */
export function hasSamePartners(one: TrafficRow, other: TrafficRow): boolean {
  return (
    one.length === other.length && one.every(({ partner }, n) => partner === other[n]?.partner)
  );
}

/** Whether two rows say the same. */
export function isSameRow(one: TrafficRow, other: TrafficRow): boolean {
  if (one === other) return true;
  return (
    hasSamePartners(one, other) &&
    one.every(({ bitsPerSecond }, n) => bitsPerSecond === other[n]?.bitsPerSecond)
  );
}
