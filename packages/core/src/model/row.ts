/** Traffic rows: whom a domain talks to, and how much. */

import type { TrafficRow } from './model.ts';

/** Whether two rows name the same partners in the same order, as those of one domain nearly always do. */
export function hasSamePartners(one: TrafficRow, other: TrafficRow): boolean {
  return (
    one.length === other.length && one.every(({ partner }, n) => partner === other[n]?.partner)
  );
}
