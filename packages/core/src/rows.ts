/** The traffic rows of the domains at home here: what the probe measured by address, named by domain. */

import type { DomainId, Rate, TrafficRow } from './model.ts';
import type { HostState } from './state.ts';

/**
 * Names the partners of every row by the addresses that are known. Returns the addresses that nobody has
 * named yet, with their rates; their traffic counts as external until somebody does.
 */
export function learnRows(state: HostState, nowMs: number): ReadonlyMap<string, number> {
  const { own } = state.information;
  own.clear();
  for (const sample of state.samples.values())
    for (const address of sample.addresses) own.set(address, sample.domain);
  const unnamed = new Map<string, number>();
  state.rows.clear();
  for (const sample of state.samples.values()) {
    const rates = new Map<DomainId | 'external', number>();
    for (const { address, bitsPerSecond } of sample.rates) {
      const known = own.get(address) ?? state.directory.byAddress(address);
      if (known === undefined) unnamed.set(address, (unnamed.get(address) ?? 0) + bitsPerSecond);
      const partner = known ?? 'external';
      if (partner !== sample.domain) rates.set(partner, (rates.get(partner) ?? 0) + bitsPerSecond);
    }
    const row: Rate[] = [...rates].map(([partner, bitsPerSecond]) => ({ partner, bitsPerSecond }));
    state.rows.set(sample.domain, withCarried(state, sample.domain, row, nowMs));
  }
  return unnamed;
}

/** A domain that has just arrived has been measured here for a moment only: the larger rate counts. */
function withCarried(
  state: HostState,
  domain: DomainId,
  row: TrafficRow,
  nowMs: number,
): TrafficRow {
  const entry = state.homes.get(domain);
  if (entry === undefined || entry.movedAtMs === null || entry.carriedRow.length === 0) return row;
  if (nowMs - entry.movedAtMs > state.config.timing.rowTrustMs) return row;
  const merged = new Map(row.map(({ partner, bitsPerSecond }) => [partner, bitsPerSecond]));
  for (const { partner, bitsPerSecond } of entry.carriedRow)
    merged.set(partner, Math.max(bitsPerSecond, merged.get(partner) ?? 0));
  return [...merged].map(([partner, bitsPerSecond]) => ({ partner, bitsPerSecond }));
}
