/** The proposer's first move: to whom, and after a decline, when again. */

import { isKeptFrom } from '../claims/idle.ts';
import { cutBook, makeBook } from '../claims/offering.ts';
import { isFruitless } from '../credibility/standing.ts';
import { lookAround } from '../information/looking-around.ts';
import type { DeclineReason } from '../message.ts';
import type { Book, DealId, HostId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import type { Deal } from './deal.ts';
import { enterDeal, sendReply } from './driving.ts';
import { findMeeting } from './meeting.ts';
import { idleRoundsMax, noteHopeless, outlookOf, rest } from './prospects.ts';
import { tradingPeers, undecidedDeal, whyNotTrading } from './willingness.ts';

/** Proposes to one peer, drawn by what there is to gain with it; does nothing when nothing is. */
export function propose(turn: Turn, random: readonly [number, number]): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  const longestMs = 2 * (1 + idleRoundsMax) * timing.tradeEveryMs;
  if (nowMs < state.nextTradeAtMs && state.nextTradeAtMs - nowMs < longestMs) return;
  const everyMs = timing.tradeEveryMs * (1 + state.idleRounds);
  state.nextTradeAtMs = nowMs + everyMs * (0.5 + random[0]);
  if (whyNotTrading(state, nowMs) !== null || undecidedDeal(state) !== undefined) return;
  const book = makeBook(state, nowMs);
  if (book === undefined || book.offers.length === 0) return;
  const isReady = (host: HostId) => (state.backoffs.get(host)?.untilMs ?? 0) <= nowMs;
  const drawn = drawPeer(state, book, isReady, nowMs, random[1]);
  const meeting =
    drawn === undefined
      ? findMeeting(state, book, nowMs, () => tradingPeers(state, nowMs, undefined, isReady))
      : undefined;
  const peer = drawn ?? meeting?.host;
  if (peer === undefined) {
    lookAround(turn, book);
    state.idleRounds = Math.min(idleRoundsMax, state.idleRounds + 1);
    return;
  }
  if (meeting !== undefined) state.meetAfterMs.set(meeting.domain, nowMs + timing.cooldownMs);
  const id = `${state.config.self.slice(-6)}-${nowMs.toString(36)}-${Math.floor(random[1] * 1e9).toString(36)}`;
  const deal: Deal = {
    id: id as DealId,
    role: 'proposer',
    peer,
    phase: 'proposed',
    exchange: { give: [], take: [] },
    moves: [],
    gainBitsPerSecond: 0,
    ...(meeting === undefined ? {} : { meeting: meeting.domain }),
    startedAtMs: nowMs,
    expiresAtMs: nowMs + timing.proposalMs,
    endedAtMs: null,
    detail: '',
  };
  // Not persisted: nothing is promised yet. An agent that forgets a proposal answers `abort`.
  enterDeal(state, deal);
  // Unless a claim is kept from this very peer it is shown the book that it was chosen by.
  const isKept = [...state.homes.values()].some((entry) => isKeptFrom(entry, peer, nowMs));
  if (!isKept) state.proposals.set(deal.id, cutBook(book, peer, state.config.bookOffers));
  sendReply(turn, deal, 'propose');
}

/** Draws among the peers with which the own book sees something to gain; the others are left out until there is news. */
function drawPeer(
  state: HostState,
  book: Book,
  isReady: (host: HostId) => boolean,
  nowMs: number,
  random: number,
): HostId | undefined {
  const { minGainBitsPerSecond, timing } = state.config;
  const hopeful = state.directory.peers.hopeful(nowMs, nowMs - timing.staleMs);
  const open = tradingPeers(state, nowMs, hopeful, isReady);
  if (open.length === 0) return undefined;
  const own = outlookOf(state, book);
  const candidates: { host: HostId; weight: number }[] = [];
  for (const known of open) {
    const { summary } = known;
    const weight = own.towards(summary);
    if (weight >= minGainBitsPerSecond) candidates.push({ host: summary.host, weight });
    else noteHopeless(state, known, nowMs);
  }
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = random * total;
  for (const { host, weight } of candidates) {
    left -= weight;
    if (left < 0) return host;
  }
  return candidates.at(-1)?.host;
}

/** What a declined proposal means for the next one. */
export function backOff(turn: Turn, peer: HostId, reason: DeclineReason, revision?: number): void {
  const { state, nowMs } = turn;
  // A busy peer is only busy now, and not for ever.
  if (reason === 'busy' && !isFruitless(state, peer))
    state.backoffs.set(peer, { untilMs: nowMs + state.config.timing.tradeEveryMs, count: 0 });
  else rest(state, peer, nowMs, revision);
}
