/** What libvirt's job statistics say about a migration under way, in the words of the core. */

import type { MigrationOrder, MigrationProgress } from '@barter/core';
import { numberOf, type TypedParameters } from '@barter/libvirt';

export function progressOf(
  order: MigrationOrder,
  elapsedMs: number,
  parameters: TypedParameters,
): MigrationProgress {
  const read = (name: string) => numberOf(parameters, name) ?? 0;
  return {
    settlement: order.settlement,
    domain: order.domain,
    elapsedMs,
    bytesSent: numberOf(parameters, 'data_processed') ?? read('memory_processed'),
    bytesRemaining: numberOf(parameters, 'data_remaining') ?? read('memory_remaining'),
    bytesTotal: numberOf(parameters, 'data_total') ?? read('memory_total'),
    bytesPerSecond: read('memory_bps') + read('disk_bps'),
    downtimeMs: read('downtime'),
  };
}

/** Which pass over the memory this is; 0 before the first. */
export function iterationOf(parameters: TypedParameters): number {
  return numberOf(parameters, 'memory_iteration') ?? 0;
}
