/**
 * What a host remembers of each peer's word and deeds, and what follows for trading with it now. What is written into
 * it, and when somebody is left out, is the business of `charges.ts`, `waits.ts` and `ledger.ts`.
 *
 * Soft state, as large as the roster: a restart forgives, and a liar cannot bring one about.
 */

import type { DomainId, HostId } from '../model/model.ts';
import type { HostState } from '../state.ts';
import type { Promised } from './promise.ts';

export type Charge =
  | 'unanswered' // says that it trades, and lets proposals or acceptances lapse without a word
  | 'unwilling' // says that it trades, and declines because it does not
  | 'no-room' // tells of room in which a claim would gain, and finds nothing to gain
  | 'busy' // declines all proposals, for hours, because it is in another deal just then
  | 'book' // its book contradicts itself, or its summaries around it
  | 'uncalled' // tells of room all the time, and never calls a domain whose claim it holds
  | 'contested'; // claims to run domains that run here

export type Suspicion = Readonly<{
  atMs: number;
  /** Of the last summary before it. */
  sequence: number;
  deal: string;
  detail: string;
  /** `no-room`: what the next summary has to promise again. */
  promised?: Promised;
}>;

/** Sums of the claims that a peer holds, as its summaries told them, and when that was first. */
export type Told = Readonly<{
  revision: number;
  memoryBytes: number;
  vcpus: number;
  sinceMs: number;
}>;

/** What a book said while the summaries said something else. */
export type BookCheck = Readonly<{ told: Told; atMs: number; detail: string }>;

/** A claim on a domain here that another host holds, and what it could have done about it. */
export type Wait = {
  readonly holder: HostId;
  readonly version: number;
  /** For how long it could have called the domain. */
  couldMs: number;
  roomBytesMin: number;
};

/** Against nearly everybody there is nothing, and all of them share one empty map: it is replaced, never changed. */
export type Held<Entry> = ReadonlyMap<Charge, Entry>;

export type Standing = {
  charges: Held<Readonly<{ count: number; atMs: number }>>;
  /** Contradictions that count only if the next summary says the same again. */
  suspicions: Held<Suspicion>;
  /** Since when all its summaries say that it trades. */
  tradesSinceMs: number | null;
  /** What its summaries have said, and since when without a change. */
  told: Told | null;
  /** A book to be held against the summaries after it. */
  book: BookCheck | null;
  /** Proposals in a row that it did not agree to, and how many of the last ones found it busy. */
  fruitless: number;
  busy: number;
  /** Left out of trading until then, for the so many-th time, and why. */
  untilMs: number;
  times: number;
  why: string;
  isShutOut: boolean;
};

export type Credibility = {
  readonly standings: Map<HostId, Standing>;
  /** Those that are left out of trading now. */
  readonly distrusted: Set<HostId>;
  /** Claims on domains here that others hold, and for how long each could have been called. */
  readonly waits: Map<DomainId, Wait>;
  lookedAtMs: number;
};

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
