/**
 * What a settlement is worth, and how long it may wait for that. Those that save most for each byte that they
 * send go first: at one host by comparing them, across hosts, which know nothing of each other's,
 * because everybody lets a claim wait for longer the longer its migration will take to pay.
 */

import { holderOf, locationOf, rowOf } from '../claims/book.ts';
import type { Holding, HomeEntry } from '../claims/claim.ts';
import { locationDistance } from '../model/distance.ts';
import type { DomainId, HostId, TrafficRow } from '../model/model.ts';
import type { HostState } from '../state.ts';
import { paceExponent, paceMax } from './patience.ts';

/** Network cost saved by the domain running here and not at home, with every claim settled; bit/s for each byte. */
export function worthPerByte(state: HostState, holding: Holding): number {
  const { home } = holding.claim;
  const saved = savedBitsPerSecond(
    state,
    holding.row,
    home,
    state.config.self,
    (partner) => holderOf(state, partner)?.holder,
  );
  return saved / Math.max(1, holding.traits.migrationBytes);
}

/**
 * The same half with partners where they run and half with partners where they are to run: of two that both
 * have to move to come together, each is credited with half of it, and the second with the rest.
 */
function ownUrgencyPerByte(state: HostState, { claim, row, traits }: Holding): number {
  return movePerByte(state, row, claim.home, state.config.self, traits.migrationBytes);
}

/** The same of a domain at home here that another host is to call. */
export function leavingPerByte(state: HostState, { domain, holder }: HomeEntry): number {
  const bytes = state.samples.get(domain)?.traits.migrationBytes ?? 0;
  return movePerByte(state, rowOf(state, domain), state.config.self, holder, bytes);
}

function movePerByte(
  state: HostState,
  row: TrafficRow,
  from: HostId,
  to: HostId,
  migrationBytes: number,
): number {
  const later = savedBitsPerSecond(
    state,
    row,
    from,
    to,
    (partner) => holderOf(state, partner)?.holder,
  );
  const now = savedBitsPerSecond(state, row, from, to, (partner) => runsOn(state, partner));
  return (later + now) / 2 / Math.max(1, migrationBytes);
}

/** Network cost saved at once by the domain coming here now, with its partners where they run; bit/s. */
export function savedNow(state: HostState, { claim, row }: Holding): number {
  const runs = (partner: DomainId) => runsOn(state, partner);
  return savedBitsPerSecond(state, row, claim.home, state.config.self, runs);
}

/** What it is worth to settle this claim now: its own saving, or that of whatever waits for its room. */
export function urgencyPerByte(state: HostState, holding: Holding, nowMs: number): number {
  return Math.max(ownUrgencyPerByte(state, holding), hurriedPerByte(state, holding, nowMs));
}

/** How much is waiting for this domain to come here; 0 when nobody said so lately. */
function hurriedPerByte(state: HostState, holding: Holding, nowMs: number): number {
  const hint = state.hurried.get(holding.claim.domain);
  return hint === undefined || nowMs >= hint.untilMs ? 0 : hint.urgencyPerByte;
}

/** How long a claim waits beyond its rest, so that better ones elsewhere go first. */
export function paceMs(state: HostState, holding: Holding, nowMs: number): number {
  const { timing, cost } = state.config;
  // Where nothing but load counts there is no telling how much a single move saves.
  if (timing.settleAfterMs === 0 || cost.affinityWeight === 0) return 0;
  const saved = cost.affinityWeight * urgencyPerByte(state, holding, nowMs);
  const paysAfterMs = saved > 0 ? 8_000 / saved : Infinity;
  return paceMaxMs(state) * Math.min(1, paysAfterMs / cost.paybackMs) ** paceExponent;
}

/** No claim waits for longer than this beyond its rest. */
export function paceMaxMs({ config }: HostState): number {
  return paceMax * config.timing.settleAfterMs;
}

function savedBitsPerSecond(
  state: HostState,
  row: TrafficRow,
  from: HostId,
  to: HostId,
  hostOf: (partner: DomainId) => HostId | undefined,
): number {
  const { distance } = state.config.cost;
  const [source, target] = [locationOf(state, from), locationOf(state, to)];
  if (source === undefined || target === undefined) return 0;
  let saved = 0;
  for (const { partner, bitsPerSecond } of row) {
    if (partner === 'external') continue;
    const at = hostOf(partner);
    const location = at === undefined ? undefined : locationOf(state, at);
    if (at === undefined || location === undefined) continue;
    const between = (host: HostId, place: readonly string[]): number =>
      host === at ? (distance[0] ?? 0) : locationDistance(distance, place, location);
    saved += bitsPerSecond * (between(from, source) - between(to, target));
  }
  return saved;
}

function runsOn(state: HostState, partner: DomainId): HostId | undefined {
  if (state.homes.has(partner)) return state.config.self;
  return (
    state.holdings.get(partner)?.claim.home ??
    state.directory.find(partner)?.home ??
    holderOf(state, partner)?.holder
  );
}
