/**
 * Who is believed. What a peer says of itself looks true whatever it is; what it does can contradict that. Each
 * contradiction that an honest peer cannot come to often is a charge (`charges.ts`); too many of one kind, and the
 * peer is left out of trading for a while, longer each time.
 *
 * What it never touches: deals that are decided or being decided, settlements, and questions about migrations in
 * doubt go on as with everybody. Only when none of that is left with a peer may the agent shut it out altogether.
 */

import { takeBack } from '../claims/coming-home.ts';
import type { HostId } from '../model/model.ts';
import { isUnderWay } from '../settlement/settlement.ts';
import type { HostState, Turn } from '../state.ts';
import type { Charge, Standing } from './credibility.ts';
import { isClean, nothing, standingOf, withOne, without } from './standing.ts';

/** So many of one kind, none of them long ago, are no accident. */
const chargesMax: Readonly<Record<Charge, number>> = {
  // Honest ones come of lost messages: all copies of a proposal and of its answer.
  unanswered: 8,
  unwilling: 5,
  'no-room': 5,
  // Of a row of proposals (`busyMax`).
  busy: 1,
  // A proposal that comes again long after is a book of the past.
  book: 5,
  uncalled: 3,
  // An administrator who moves many domains by hand makes honest ones.
  contested: 16,
};
/** One charge of each kind is forgotten in this time. */
const forgottenMs = 7_200_000;
/** Chance brings somebody new every second in a large cluster: so often whoever is not heard of any more is forgotten. */
const strangersMs = 60_000;

const firstMs = 600_000;
const longestMs = 21_600_000;
/** After this long without being left out the first time is the first again. */
const forgivenMs = 86_400_000;

/** One contradiction between what a peer said and what it did; `detail` names both, as a clause. */
export function accuse(turn: Turn, peer: HostId, charge: Charge, detail: string): void {
  const { state, nowMs } = turn;
  const standing = standingOf(state, peer);
  if (standing === undefined || standing.untilMs > nowMs) return;
  const before = standing.charges.get(charge);
  const left =
    before === undefined ? 0 : Math.max(0, before.count - (nowMs - before.atMs) / forgottenMs);
  standing.charges = withOne(standing.charges, charge, { count: left + 1, atMs: nowMs });
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
    standing.charges = without(standing.charges, charge);
    standing.suspicions = without(standing.suspicions, charge);
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
  state.credibility.distrusted.add(peer);
  standing.why = detail;
  standing.isShutOut = false;
  // Once it is back the next one of that kind is one too many, for a while.
  const count = chargesMax[charge] - 1;
  standing.charges = withOne(nothing, charge, { count, atMs: standing.untilMs });
  standing.suspicions = nothing;
  standing.book = null;
  standing.busy = 0;
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
  for (const entry of turn.state.homes.values())
    if (entry.holder === peer && entry.settlement === null) takeBack(turn, entry, why);
}

/** Has peers that are distrusted shut out, once nothing is under way with them that needs an answer. */
export function tickDistrust(turn: Turn): void {
  const { state, nowMs } = turn;
  const { standings, distrusted } = state.credibility;
  if (turn.due('standings', strangersMs)) forgetStrangers(state);
  for (const peer of distrusted) {
    const standing = standings.get(peer);
    if (standing === undefined || standing.untilMs <= nowMs) {
      distrusted.delete(peer);
      continue;
    }
    if (standing.isShutOut || isInvolved(state, peer)) continue;
    standing.isShutOut = true;
    turn.emit({ kind: 'shutOut', peer, forMs: standing.untilMs - nowMs, why: standing.why });
  }
}

/** Of a large cluster most peers are heard of once and not again. */
function forgetStrangers({ credibility, directory }: HostState): void {
  for (const [peer, standing] of credibility.standings)
    if (!directory.peers.has(peer) && isClean(standing)) credibility.standings.delete(peer);
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
    some(state.openDeals.values(), (deal) => deal.peer === peer) ||
    some(state.settlements.values(), (one) => one.to === peer && isUnderWay(one)) ||
    some(state.reservations.values(), ({ home }) => home === peer) ||
    some(state.homes.values(), ({ holder }) => holder === peer) ||
    some(
      state.holdings.values(),
      ({ claim, givenTo }) => claim.home === peer || givenTo === peer,
    ) ||
    some(state.locating.values(), ({ asker }) => asker === peer) ||
    some(state.endedArrivals.values(), ({ home, unopened }) => home === peer && !unopened)
  );
}
