/**
 * Who is believed. What a peer says of itself looks true whatever it is; what it does can contradict that. Each
 * contradiction that an honest peer cannot come to often is a charge (`charges.ts`); too many of one kind, and the
 * peer is left out of trading for a while, longer each time.
 *
 * What it never touches: deals that are decided or being decided, settlements, and questions about migrations in
 * doubt go on as with everybody. Only when none of that is left with a peer may the agent shut it out altogether.
 *
 * Soft state, as large as the roster: a restart forgives, and a liar cannot bring one about.
 */

import { takeBack } from '../claims/holding.ts';
import type { DomainId, HostId } from '../model/model.ts';
import { isUnderWay } from '../settlement/settlement.ts';
import type { HostState, Turn } from '../state.ts';
import { isOpen } from '../trading/deal.ts';
import type { BookCheck, Suspicion, Told } from './charges.ts';
import type { Wait } from './waits.ts';

export type Charge =
  | 'unanswered' // says that it trades, and lets proposals or acceptances lapse without a word
  | 'unwilling' // says that it trades, and declines because it does not
  | 'no-room' // tells of room in which a claim would gain, and finds nothing to gain
  | 'book' // its book contradicts itself, or its summaries around it
  | 'uncalled' // tells of room all the time, and never calls a domain whose claim it holds
  | 'contested'; // claims to run domains that run here

/** So many of one kind, none of them long ago, are no accident. */
const chargesMax: Readonly<Record<Charge, number>> = {
  // Honest ones come of lost messages: all copies of a proposal and of its answer.
  unanswered: 8,
  unwilling: 5,
  'no-room': 5,
  // A proposal that comes again long after is a book of the past.
  book: 5,
  uncalled: 3,
  // An administrator who moves many domains by hand makes honest ones.
  contested: 16,
};
/** One charge of each kind is forgotten in this time. */
const forgottenMs = 7_200_000;

const firstMs = 600_000;
const longestMs = 21_600_000;
/** After this long without being left out the first time is the first again. */
const forgivenMs = 86_400_000;

/** After so many proposals in a row that came to nothing a peer has to wait, whatever its news, until its next deal. */
const fruitlessMax = 24;

export type Standing = {
  readonly charges: Map<Charge, { count: number; atMs: number }>;
  /** Contradictions that count only if the next summary says the same again. */
  readonly suspicions: Map<Charge, Suspicion>;
  /** Since when all its summaries say that it trades. */
  tradesSinceMs: number | null;
  /** What its summaries have said, and since when without a change. */
  told: Told | null;
  /** A book to be held against the summaries after it. */
  book: BookCheck | null;
  /** Proposals in a row that it did not agree to. */
  fruitless: number;
  /** Left out of trading until then, for the so many-th time, and why. */
  untilMs: number;
  times: number;
  why: string;
  isShutOut: boolean;
};

export type Credibility = {
  readonly standings: Map<HostId, Standing>;
  /** Claims on domains here that others hold, and for how long each could have been called. */
  readonly waits: Map<DomainId, Wait>;
  lookedAtMs: number;
};

export function createCredibility(): Credibility {
  return { standings: new Map(), waits: new Map(), lookedAtMs: Number.NEGATIVE_INFINITY };
}

/** What is known of a member; undefined for anybody else. */
export function standingOf(state: HostState, peer: HostId): Standing | undefined {
  const { standings } = state.credibility;
  const known = standings.get(peer);
  if (known !== undefined || !state.information.others.has(peer)) return known;
  const standing: Standing = {
    charges: new Map(),
    suspicions: new Map(),
    tradesSinceMs: null,
    told: null,
    book: null,
    fruitless: 0,
    untilMs: Number.NEGATIVE_INFINITY,
    times: 0,
    why: '',
    isShutOut: false,
  };
  standings.set(peer, standing);
  return standing;
}

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

/** One contradiction between what a peer said and what it did; `detail` names both, as a clause. */
export function accuse(turn: Turn, peer: HostId, charge: Charge, detail: string): void {
  const { state, nowMs } = turn;
  const standing = standingOf(state, peer);
  if (standing === undefined || standing.untilMs > nowMs) return;
  const before = standing.charges.get(charge);
  const left =
    before === undefined ? 0 : Math.max(0, before.count - (nowMs - before.atMs) / forgottenMs);
  standing.charges.set(charge, { count: left + 1, atMs: nowMs });
  turn.log('debug', 'peer-contradicts', `${state.directory.hostName(peer)}: ${detail}.`, {
    peer,
    charge,
    count: left + 1,
  });
  // The part of a charge that time has taken away meanwhile does not make one more necessary.
  if (left + 1 > chargesMax[charge] - 0.5) distrust(turn, peer, standing, charge, detail);
}

/** It did as it said: what was held against it for refusing is void. */
export function acquit(state: HostState, peer: HostId, ...charges: readonly Charge[]): void {
  const standing = state.credibility.standings.get(peer);
  if (standing === undefined) return;
  for (const charge of charges) {
    standing.charges.delete(charge);
    standing.suspicions.delete(charge);
  }
}

function distrust(
  turn: Turn,
  peer: HostId,
  standing: Standing,
  charge: Charge,
  detail: string,
): void {
  const { state, nowMs } = turn;
  if (nowMs - standing.untilMs > forgivenMs) standing.times = 0;
  const forMs = Math.min(longestMs, firstMs * 2 ** standing.times);
  standing.times += 1;
  standing.untilMs = nowMs + forMs;
  standing.why = detail;
  standing.isShutOut = false;
  standing.charges.clear();
  // Once it is back the next one of that kind is one too many, for a while.
  standing.charges.set(charge, { count: chargesMax[charge] - 1, atMs: standing.untilMs });
  standing.suspicions.clear();
  standing.book = null;
  turn.log(
    'warn',
    'peer-distrusted',
    `${state.directory.hostName(peer)} is left out of trading for ${forMs / 1000} s, because it does not do as it says, again and again: ${detail}. What is under way with it goes on. If it is one of ours, look at its log, version and settings; otherwise: barter expel ${peer}`,
    { peer, charge, forMs, times: standing.times },
  );
  if (charge === 'uncalled') takeBackFrom(turn, peer, detail);
}

/** Nobody else can trade what it holds and leaves where it is. */
function takeBackFrom(turn: Turn, peer: HostId, why: string): void {
  for (const entry of [...turn.state.homes.values()])
    if (entry.holder === peer && entry.settlement === null) takeBack(turn, entry, why);
}

/** Has peers that are distrusted shut out, once nothing is under way with them that needs an answer. */
export function tickDistrust(turn: Turn): void {
  const { state, nowMs } = turn;
  for (const [peer, standing] of state.credibility.standings) {
    if (standing.untilMs <= nowMs && !state.directory.peers.has(peer) && isClean(standing))
      state.credibility.standings.delete(peer);
    if (standing.untilMs <= nowMs || standing.isShutOut) continue;
    if (!turn.due(`shut out ${peer}`, 10 * state.config.timing.resendMs)) continue;
    if (isInvolved(state, peer)) continue;
    standing.isShutOut = true;
    state.saidAtMs.delete(`shut out ${peer}`);
    turn.emit({ kind: 'shutOut', peer, forMs: standing.untilMs - nowMs, why: standing.why });
  }
}

/** Nothing is held against it: in a large cluster most peers are heard of once and not again. */
function isClean({ charges, suspicions, times, fruitless }: Standing): boolean {
  return charges.size === 0 && suspicions.size === 0 && times === 0 && fruitless === 0;
}

/**
 * Whether either side may need an answer of the other: about a deal, a claim, room, or how a migration ended. A home
 * in doubt may ask about an arrival here long after, and holds the domain paused until it hears.
 */
function isInvolved(state: HostState, peer: HostId): boolean {
  const some = <Item>(items: Iterable<Item>, is: (item: Item) => boolean): boolean => {
    for (const item of items) if (is(item)) return true;
    return false;
  };
  return (
    some(state.deals.values(), (deal) => deal.peer === peer && isOpen(deal)) ||
    some(state.settlements.values(), (one) => one.to === peer && isUnderWay(one)) ||
    some(state.reservations.values(), ({ home }) => home === peer) ||
    some(state.homes.values(), ({ holder }) => holder === peer) ||
    some(
      state.holdings.values(),
      ({ claim, givenTo }) => claim.home === peer || givenTo === peer,
    ) ||
    some(state.locating.values(), ({ asker }) => asker === peer) ||
    some(state.endedArrivals.values(), ({ home }) => home === peer)
  );
}

/** It is no member any more, or was cut off: what it left unsaid then is no fault of its own. */
export function forgetStanding(state: HostState, peer: HostId): void {
  state.credibility.standings.delete(peer);
  state.saidAtMs.delete(`shut out ${peer}`);
}

export function excuse(state: HostState, peer: HostId): void {
  const standing = state.credibility.standings.get(peer);
  if (standing === undefined) return;
  standing.suspicions.clear();
  standing.tradesSinceMs = null;
  standing.told = null;
  standing.book = null;
}
