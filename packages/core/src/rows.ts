/**
 * The traffic rows of the domains at home here: what the probe measured by address, named by domain; and
 * beside them the rows that trading counts with, which hold only what has lasted (see `steady.ts`).
 */

import type { DomainId, Rate, TrafficRow } from './model.ts';
import type { HostedDomain, HostState } from './state.ts';
import { steadyRates } from './steady.ts';

/** Up to so many a list is searched faster than a map is made; every sample makes a row for every domain. */
const fewRates = 24;

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
  state.pricedRows.clear();
  state.paperLoad = undefined;
  for (const sample of state.samples.values()) {
    const { domain, rates } = sample;
    for (const { address, bitsPerSecond } of rates) {
      if (partnerAt(state, address) === undefined)
        unnamed.set(address, (unnamed.get(address) ?? 0) + bitsPerSecond);
    }
    const row = withCarried(state, domain, namedRow(state, domain, rates), nowMs);
    state.rows.set(domain, row);
    const steady = steadyRates(state, domain, rates, own);
    state.pricedRows.set(
      domain,
      steady === undefined
        ? row
        : withCarried(state, domain, namedRow(state, domain, steady), nowMs),
    );
  }
  return unnamed;
}

function partnerAt(state: HostState, address: string): DomainId | undefined {
  return state.information.own.get(address) ?? state.directory.byAddress(address);
}

function namedRow(state: HostState, domain: DomainId, rates: HostedDomain['rates']): Rate[] {
  if (rates.length > fewRates) {
    const sums = new Map<DomainId | 'external', number>();
    for (const { address, bitsPerSecond } of rates) {
      const partner = partnerAt(state, address) ?? 'external';
      if (partner !== domain) sums.set(partner, (sums.get(partner) ?? 0) + bitsPerSecond);
    }
    return [...sums].map(([partner, bitsPerSecond]) => ({ partner, bitsPerSecond }));
  }
  const row: { partner: DomainId | 'external'; bitsPerSecond: number }[] = [];
  for (const { address, bitsPerSecond } of rates) {
    const partner = partnerAt(state, address) ?? 'external';
    if (partner === domain) continue;
    const known = row.find((one) => one.partner === partner);
    if (known === undefined) row.push({ partner, bitsPerSecond });
    else known.bitsPerSecond += bitsPerSecond;
  }
  return row;
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
  // What the carried row did not name may be what is named by now: only the rest of it is outside.
  let unnamed = 0;
  for (const { partner, bitsPerSecond } of entry.carriedRow) {
    unnamed += bitsPerSecond;
    if (partner !== 'external')
      merged.set(partner, Math.max(bitsPerSecond, merged.get(partner) ?? 0));
  }
  for (const [partner, bitsPerSecond] of merged)
    if (partner !== 'external') unnamed -= bitsPerSecond;
  if (unnamed > (merged.get('external') ?? 0)) merged.set('external', unnamed);
  return [...merged].map(([partner, bitsPerSecond]) => ({ partner, bitsPerSecond }));
}
