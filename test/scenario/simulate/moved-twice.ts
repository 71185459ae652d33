/** What has migrated more than once. */

import type { SimulationResult } from '@barter/sim';

/** The names of the VMs that did, in the order in which they did so first. */
export function movedTwice({
  migrations,
}: Pick<SimulationResult, 'migrations'>): readonly string[] {
  const moved = new Set<string>();
  const twice = new Set<string>();
  for (const { domain } of migrations) {
    if (moved.has(domain)) twice.add(domain);
    moved.add(domain);
  }
  return [...twice];
}
