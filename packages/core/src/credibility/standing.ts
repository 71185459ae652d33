/** What follows for trading with a peer now from what is remembered of it (`credibility.ts`). */

import type { HostId } from '../model/model.ts';
import type { HostState } from '../state.ts';
import type { Charge, Credibility, Held, Standing } from './credibility.ts';

export function createCredibility(): Credibility {
  return {
    standings: new Map(),
    distrusted: new Set(),
    waits: new Map(),
    lookedAtMs: Number.NEGATIVE_INFINITY,
  };
}

export const nothing: Held<never> = new Map<Charge, never>();

export function withOne<Entry>(held: Held<Entry>, charge: Charge, entry: Entry): Held<Entry> {
  return new Map(held).set(charge, entry);
}

export function without<Entry>(held: Held<Entry>, charge: Charge): Held<Entry> {
  if (!held.has(charge)) return held;
  if (held.size === 1) return nothing;
  return new Map([...held].filter(([kind]) => kind !== charge));
}

/** What is known of a member; undefined for anybody else. */
export function standingOf(state: HostState, peer: HostId): Standing | undefined {
  const { standings } = state.credibility;
  const known = standings.get(peer);
  if (known !== undefined || !state.information.others.has(peer)) return known;
  const standing: Standing = {
    charges: nothing,
    suspicions: nothing,
    tradesSinceMs: null,
    told: null,
    book: null,
    fruitless: 0,
    busy: 0,
    untilMs: Number.NEGATIVE_INFINITY,
    times: 0,
    why: '',
    isShutOut: false,
  };
  standings.set(peer, standing);
  return standing;
}

/** After so many proposals in a row that came to nothing a peer has to wait, whatever its news, until its next deal. */
const fruitlessMax = 24;
/**
 * Whoever was busy with another deal at so many proposals in a row is so on purpose: from the 24th on they come as
 * rarely as to one with nothing to gain, minutes apart, and a deal is over in seconds.
 */
export const busyMax = 32;

/** Why a peer is left out of trading now, and for how long; null when it is not. */
export function distrustOf(
  state: HostState,
  peer: HostId,
  nowMs: number,
): Readonly<{ forMs: number; why: string }> | null {
  const standing = state.credibility.standings.get(peer);
  if (standing === undefined || standing.untilMs <= nowMs) return null;
  return { forMs: standing.untilMs - nowMs, why: standing.why };
}

/** A peer that agrees to nothing: its news do not cut a pause short, and being busy or silent is no excuse. */
export function isFruitless(state: HostState, peer: HostId): boolean {
  return (state.credibility.standings.get(peer)?.fruitless ?? 0) >= fruitlessMax;
}

/** Nothing is held against it. */
export function isClean({ charges, suspicions, times, fruitless }: Standing): boolean {
  return charges.size === 0 && suspicions.size === 0 && times === 0 && fruitless === 0;
}

/** It is no member any more, or was cut off: what it left unsaid then is no fault of its own. */
export function forgetStanding(state: HostState, peer: HostId): void {
  state.credibility.standings.delete(peer);
}

export function excuse(state: HostState, peer: HostId): void {
  const standing = state.credibility.standings.get(peer);
  if (standing === undefined) return;
  standing.suspicions = nothing;
  standing.tradesSinceMs = null;
  standing.told = null;
  standing.book = null;
}
