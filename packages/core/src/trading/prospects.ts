/**
 * When it is worth proposing again. A pair that found nothing to gain finds nothing again while everything
 * that its gain follows from is as it was, so it leaves each other alone for long, until one of these changes:
 * the claims held here or there, the traffic of the own domains, the load here or there, or where a partner
 * is held. What else may change (somebody else's partners) is left to time.
 */

import { paperLoad, traitsOf } from '../claims/book.ts';
import type { HostTiming } from '../config.ts';
import { Outlook } from '../exchange/exchange.ts';
import type { KnownPeer } from '../information/peer-table.ts';
import { rowDiffers } from '../measuring/news.ts';
import { overLimitCost } from '../model/cost.ts';
import type { Book, HostCapacity, HostId, HostLoad } from '../model/model.ts';
import type { HostState } from '../state.ts';

/** In mean times between two proposals: how long a declined pair leaves each other alone, first and then. */
const firstPause = 36;
const longestPause = 240;
/** A host that finds nobody to propose to, or is declined, looks again after up to so many times more. */
export const idleRoundsMax = 3;

/** A load has changed when it differs by this share of what the host has, or of what its uplink carried. */
const loadShare = 0.05;
/** Traffic has changed when it differs by this share of the row, and by the margin of a deal at least. */
const rowShare = 0.05;

/** After this long without any change every pair that might gain has tried; ms. */
export function triedMs({ tradeEveryMs }: Pick<HostTiming, 'tradeEveryMs'>): number {
  return tradeEveryMs * (firstPause + 3 * (1 + idleRoundsMax));
}

/** A peer found nothing to gain: this host leaves it alone, and takes its time with all others. */
export function rest(state: HostState, peer: HostId, nowMs: number, revision?: number): void {
  state.idleRounds = Math.min(idleRoundsMax, state.idleRounds + 1);
  leaveAlone(state, peer, nowMs, revision);
}

/**
 * A search found nothing to gain with a peer: longer each time, until something changes. `revision` tells which of its
 * claims were searched: a summary that tells of just these is no news.
 */
export function leaveAlone(state: HostState, peer: HostId, nowMs: number, revision?: number): void {
  const count = (state.backoffs.get(peer)?.count ?? 0) + 1;
  const pauseMs = state.config.timing.tradeEveryMs * (count === 1 ? firstPause : longestPause);
  const untilMs = nowMs + pauseMs;
  state.backoffs.set(peer, { untilMs, count, revision });
  // Until then it need not be looked at whether it is left alone.
  const known = state.directory.peers.get(peer);
  if (known !== undefined) known.hopelessUntilMs = Math.max(known.hopelessUntilMs, untilMs);
}

/** The own book sees nothing to gain with a peer: it is not looked at again until something changes, or for a while. */
export function noteHopeless(state: HostState, peer: KnownPeer, nowMs: number): void {
  peer.hopelessUntilMs = nowMs + firstPause * state.config.timing.tradeEveryMs;
}

/** What the own book sees, prepared once for as long as that stands. */
export function outlookOf(state: HostState, book: Book): Outlook {
  if (state.outlook?.own !== book) state.outlook = new Outlook(book, state.config.cost);
  return state.outlook;
}

/** Something changed at a peer, or at all of them for all we know: a host that has been idle looks at it soon. */
export function wake(state: HostState, nowMs: number, peer?: HostId): void {
  state.information.lookAtMs = 0;
  if (peer === undefined) {
    state.backoffs.clear();
    state.directory.lookAgainAt();
  } else {
    lookAgainAt(state, peer);
  }
  if (state.idleRounds === 0) return;
  state.idleRounds = 0;
  state.nextTradeAtMs = Math.min(state.nextTradeAtMs, nowMs + state.config.timing.tradeEveryMs);
}

/** Something may be to gain with this peer that was not before; it is looked at with the next proposal. */
export function lookAgainAt(state: HostState, peer: HostId): void {
  state.backoffs.delete(peer);
  state.directory.lookAgainAt(peer);
}

/** After every sample: whether what trading counts with is still what it was when this host last woke. */
export function lookForNews(state: HostState, nowMs: number): void {
  if (state.sample === null) return;
  const { priced } = state;
  const load = paperLoad(state);
  const { capacity } = state.sample;
  const margin = state.config.minGainBitsPerSecond;
  let isChanged = false;
  let isKnown = true;
  for (const [domain, row] of state.pricedRows) {
    const then = priced.domains.get(domain);
    if (then === undefined) {
      isKnown = false;
      continue;
    }
    const cpu = traitsOf(state, domain)?.cpu ?? 0;
    isChanged ||=
      Math.abs(cpu - then.cpu) > loadShare * capacity.vcpus ||
      (then.row !== row && rowDiffers(row, then.row, margin, rowShare));
  }
  if (isChanged) priced.changedAtMs = nowMs;
  const isNews =
    priced.load === undefined ||
    loadDiffers(load, priced.load, capacity, margin) ||
    overLimitCost(load, capacity) > overLimitCost(priced.load, capacity);
  if (isChanged || isNews) {
    priced.load = load;
    priced.domains.clear();
    wake(state, nowMs);
  } else if (isKnown) return;
  for (const [domain, row] of state.pricedRows)
    if (!priced.domains.has(domain))
      priced.domains.set(domain, { row, cpu: traitsOf(state, domain)?.cpu ?? 0 });
}

/** Memory is left out: it changes with claims. More of it than the limit allows is news of its own. */
export function loadDiffers(
  now: HostLoad,
  then: HostLoad,
  { vcpus }: HostCapacity,
  marginBitsPerSecond: number,
): boolean {
  const sent = Math.max(now.nicBitsPerSecond, then.nicBitsPerSecond);
  return (
    Math.abs(now.cpu - then.cpu) > loadShare * vcpus ||
    Math.abs(now.nicBitsPerSecond - then.nicBitsPerSecond) >
      Math.max(marginBitsPerSecond, loadShare * sent)
  );
}
