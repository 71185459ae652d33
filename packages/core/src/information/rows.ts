/**
 * The traffic rows of the domains at home here: what the probe measured by address, named by domain; and
 * beside them the rows that trading counts with, which hold only what has lasted (see `steady.ts`).
 */

import { steadyRates } from '../measuring/steady.ts';
import type { DomainId, TrafficRow } from '../model/model.ts';
import type { HostState } from '../state.ts';

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
  for (const { domain, rates } of state.samples.values()) {
    const measured = new RowMaker(domain, rates.length);
    const lasting = steadyRates(state, domain, rates, own);
    const priced = lasting === undefined ? measured : new RowMaker(domain, rates.length);
    for (const [n, { address, bitsPerSecond }] of rates.entries()) {
      const partner = partnerAt(state, address);
      if (partner === undefined) unnamed.set(address, (unnamed.get(address) ?? 0) + bitsPerSecond);
      measured.add(partner ?? 'external', bitsPerSecond);
      if (lasting !== undefined) priced.add(partner ?? 'external', lasting.values[n] ?? 0);
    }
    for (const { address, bitsPerSecond } of lasting?.silent ?? [])
      priced.add(partnerAt(state, address) ?? 'external', bitsPerSecond);
    const row = withCarried(state, domain, measured.row, nowMs);
    state.rows.set(domain, row);
    state.pricedRows.set(
      domain,
      priced === measured ? row : withCarried(state, domain, priced.row, nowMs),
    );
  }
  return unnamed;
}

function partnerAt(state: HostState, address: string): DomainId | undefined {
  return state.information.own.get(address) ?? state.directory.byAddress(address);
}

/** Adds up the rates of one domain by partner; what it sends to itself is none of anybody's business. */
class RowMaker {
  readonly row: { readonly partner: DomainId | 'external'; bitsPerSecond: number }[] = [];
  readonly #domain: DomainId;
  /** Where many partners are to be told apart. */
  readonly #places: Map<DomainId | 'external', Writable> | undefined;

  constructor(domain: DomainId, ratesAtMost: number) {
    this.#domain = domain;
    this.#places = ratesAtMost > fewRates ? new Map() : undefined;
  }

  add(partner: DomainId | 'external', bitsPerSecond: number): void {
    if (partner === this.#domain || bitsPerSecond <= 0) return;
    const known =
      this.#places === undefined
        ? this.row.find((one) => one.partner === partner)
        : this.#places.get(partner);
    if (known !== undefined) {
      known.bitsPerSecond += bitsPerSecond;
      return;
    }
    const rate = { partner, bitsPerSecond };
    this.row.push(rate);
    this.#places?.set(partner, rate);
  }
}

type Writable = { bitsPerSecond: number };

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
  const merged = new Map<DomainId | 'external', number>();
  let [measured, carried, named] = [0, 0, 0];
  for (const { partner, bitsPerSecond } of row) {
    measured += bitsPerSecond;
    if (partner !== 'external') merged.set(partner, bitsPerSecond);
  }
  for (const { partner, bitsPerSecond } of entry.carriedRow) {
    carried += bitsPerSecond;
    if (partner !== 'external')
      merged.set(partner, Math.max(bitsPerSecond, merged.get(partner) ?? 0));
  }
  for (const bitsPerSecond of merged.values()) named += bitsPerSecond;
  // What one of the two does not name may be what the other one does: only the rest of it is outside.
  const outside = Math.max(measured, carried) - named;
  if (outside > 0) merged.set('external', outside);
  return [...merged].map(([partner, bitsPerSecond]) => ({ partner, bitsPerSecond }));
}
