/**
 * The traffic rows of the domains at home here: what the probe measured by address, named by domain; and
 * beside them the rows that trading counts with, which hold only what has lasted (see `steady.ts`).
 */

import { steadyRates } from '../measuring/steady.ts';
import type { DomainId, TrafficRow } from '../model/model.ts';
import { hasSamePartners, isSameRow } from '../model/row.ts';
import type { HostedDomain, HostState } from '../state.ts';
import type { RowSource } from './row-source.ts';

/** Up to so many a list is searched faster than a map is made; every sample makes a row for every domain. */
const fewRates = 24;

/** What other rows than before bring along. */
export type LearntRows = Readonly<{
  /** The addresses that nobody has named yet, with their rates, bit/s; that counts as external until somebody does. */
  unnamed: ReadonlyMap<string, number>;
  /** Whether other partners are named than before, and not just other rates. */
  partnersChanged: boolean;
}>;

/** Names the partners of every row by the addresses that are known. Undefined when no row is another one than before. */
export function learnRows(state: HostState, nowMs: number): LearntRows | undefined {
  const { rowSources, rows, pricedRows } = state;
  if (nameOwn(state)) rowSources.clear();
  let isChanged = rows.size !== state.samples.size || rowSources.size !== state.samples.size;
  let isPricedChanged = isChanged;
  let partnersChanged = isChanged;
  for (const domain of rowSources.keys()) if (!state.samples.has(domain)) rowSources.delete(domain);
  for (const { domain, rates } of state.samples.values()) {
    const known = rowSources.get(domain);
    const carried = carriedRow(state, domain, nowMs);
    const steady = state.steadiness.get(domain)?.changes;
    if (known?.rates === rates && known.steady === steady && known.carried === carried) continue;
    const made = makeRows(state, domain, rates, steady, carried);
    // What has lasted is mostly what it was, whatever was measured: then all that follows from it stands.
    const isPricedSame = known !== undefined && isSameRow(made.priced, known.priced);
    rowSources.set(domain, isPricedSame ? { ...made, priced: known.priced } : made);
    isPricedChanged ||= !isPricedSame;
    partnersChanged ||= known === undefined || !hasSamePartners(made.row, known.row);
    isChanged = true;
  }
  if (!isChanged) return undefined;
  const unnamed = new Map<string, number>();
  rows.clear();
  pricedRows.clear();
  if (isPricedChanged) state.paperLoad = undefined;
  for (const domain of state.samples.keys()) {
    const source = rowSources.get(domain);
    if (source === undefined) continue;
    rows.set(domain, source.row);
    pricedRows.set(domain, source.priced);
    for (const { address, bitsPerSecond } of source.unnamed)
      unnamed.set(address, (unnamed.get(address) ?? 0) + bitsPerSecond);
  }
  return { unnamed, partnersChanged };
}

/** Whose addresses are here now; says whether any address may have another name than when it was last asked. */
function nameOwn(state: HostState): boolean {
  const { information, directory, samples } = state;
  const { own } = information;
  let count = 0;
  let isSame = information.namedAt === directory.namings;
  for (const { domain, addresses } of samples.values()) {
    count += addresses.length;
    isSame &&= addresses.every((address) => own.get(address) === domain);
  }
  if (isSame && count === own.size) return false;
  information.namedAt = directory.namings;
  own.clear();
  for (const { domain, addresses } of samples.values())
    for (const address of addresses) own.set(address, domain);
  return true;
}

function makeRows(
  state: HostState,
  domain: DomainId,
  rates: HostedDomain['rates'],
  steady: number | undefined,
  carried: TrafficRow | undefined,
): RowSource {
  const unnamed: { address: string; bitsPerSecond: number }[] = [];
  const measured = new RowMaker(domain, rates.length);
  const lasting = steadyRates(state, domain, rates, state.information.own);
  const priced = lasting === undefined ? measured : new RowMaker(domain, rates.length);
  for (let n = 0; n < rates.length; n++) {
    const { address, bitsPerSecond } = rates[n] as (typeof rates)[number];
    const partner = partnerAt(state, address);
    if (partner === undefined) unnamed.push({ address, bitsPerSecond });
    measured.add(partner ?? 'external', bitsPerSecond);
    if (lasting !== undefined) priced.add(partner ?? 'external', lasting.values[n] ?? 0);
  }
  for (const { address, bitsPerSecond } of lasting?.silent ?? [])
    priced.add(partnerAt(state, address) ?? 'external', bitsPerSecond);
  const row = withCarried(measured.row, carried);
  return {
    rates,
    steady,
    carried,
    row,
    priced: priced === measured ? row : withCarried(priced.row, carried),
    unnamed,
  };
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

/** A domain that has just arrived has been measured here for a moment only: what it brought along counts as well. */
function carriedRow(state: HostState, domain: DomainId, nowMs: number): TrafficRow | undefined {
  const entry = state.homes.get(domain);
  if (entry === undefined || entry.movedAtMs === null || entry.carriedRow.length === 0)
    return undefined;
  return nowMs - entry.movedAtMs > state.config.timing.rowTrustMs ? undefined : entry.carriedRow;
}

/** Of a measured row and one that was brought along the larger rates count. */
function withCarried(row: TrafficRow, carriedRow: TrafficRow | undefined): TrafficRow {
  if (carriedRow === undefined) return row;
  const merged = new Map<DomainId | 'external', number>();
  let [measured, carried, named] = [0, 0, 0];
  for (const { partner, bitsPerSecond } of row) {
    measured += bitsPerSecond;
    if (partner !== 'external') merged.set(partner, bitsPerSecond);
  }
  for (const { partner, bitsPerSecond } of carriedRow) {
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
