/**
 * What a host remembers of each peer's word and deeds. What follows for trading with it is the business of `standing.ts`; what is
 * written into it, and when somebody is left out, of `charges.ts`, `waits.ts` and `ledger.ts`.
 *
 * Soft state, as large as the roster: a restart forgives, and a liar cannot bring one about.
 */

import type { DomainId, HostId } from '../model/model.ts';
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
