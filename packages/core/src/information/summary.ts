/**
 * Load summaries: what a host has, carries and would do. Every few seconds it goes to the hosts that matter
 * to this one, because their domains talk to its own, and to a few others by chance, because overload finds
 * its relief anywhere. How many others grows with the logarithm of the cluster.
 */

import { paperLoad, rowOf } from '../claims/book.ts';
import { noteSummary } from '../credibility/charges.ts';
import { isFruitless } from '../credibility/standing.ts';
import { notePeerChange } from '../measuring/news.ts';
import type { InformationMessage } from '../message.ts';
import { mixed } from '../model/hash.ts';
import type { DomainId, HostId, LoadSummary } from '../model/model.ts';
import { roomNow } from '../settlement/room.ts';
import type { HostState, Turn } from '../state.ts';
import { loadDiffers, lookAgainAt, wake } from '../trading/prospects.ts';
import { whyNotTrading } from '../trading/willingness.ts';

/** Sequence numbers are reserved in the journal this many at a time: they only grow, also over a crash. */
const sequenceBatch = 1_000;
/** With so few other members everybody is told. */
const few = 8;
/** Many peers are told so many times more rarely, and while nothing has changed; below what counts as stale. */
const manyPace = 3;
const calmPace = 5;
/** Before anything has moved the VMs of a host talk to dozens of hosts; with fewer the deals that there are are found later, or never. */
const partnerHostsMax = 48;
/** Of the hosts that we hear of, so many may still trade when it counts as quiet. */
const stragglers = 1 / 4;
/** News may go out between two rounds, but not more often than this. */
const roundsApartMs = 1_000;
/** Peers that ask for our summary and get it between two rounds, at most. */
const answersPerRound = 64;

export function isFew(state: HostState): boolean {
  return state.information.others.size <= few;
}

/** Sends a summary round when one is due. */
export function summarize(turn: Turn, random: number): void {
  const { state, nowMs } = turn;
  const { information } = state;
  if (state.sample === null) return;
  // Prices do not follow from summaries, only whom to ask first.
  const { lastSummary } = state;
  const isUnchanged =
    lastSummary?.revision === information.revision &&
    !loadDiffers(paperLoad(state), lastSummary.load, lastSummary.capacity, marginOf(state));
  const pace = isFew(state) ? 1 : isUnchanged ? calmPace : manyPace;
  const summaryEveryMs = state.config.timing.summaryEveryMs * pace;
  const dueAtMs = Math.min(state.nextSummaryAtMs, information.roundAtMs + summaryEveryMs);
  const tooFar = state.nextSummaryAtMs - nowMs > calmPace * state.config.timing.summaryEveryMs;
  if (nowMs < dueAtMs && !tooFar) return;
  if (Math.abs(nowMs - information.roundAtMs) < roundsApartMs) return;
  state.nextSummaryAtMs = nowMs + summaryEveryMs;
  information.roundAtMs = nowMs;
  information.told.clear();
  information.answersLeft = answersPerRound;
  state.heardTradeAtMs = lastTradeAtMs(state, nowMs);
  const summary = makeSummary(turn);
  // One message for all who are told, and one for all who are asked as well.
  const [telling, asking] = [summaryMessage(summary, false), summaryMessage(summary, true)];
  const partners = findPartnerHosts(state);
  const isFresh = (host: HostId) => state.directory.hasHeard(host, nowMs, 2 * summaryEveryMs);
  const knowsFew = state.directory.peers.size < othersTold(state);
  for (const host of partners) tell(turn, host, isFresh(host) ? telling : asking);
  for (const host of draw(state, random))
    tell(turn, host, knowsFew && !isFresh(host) ? asking : telling);
}

/**
 * When trading was last not quiet around here: at so many of the hosts that we hear of that it was no
 * straggler. In a large cluster somebody always trades.
 */
function lastTradeAtMs(state: HostState, nowMs: number): number {
  const { peers } = state.directory;
  // The earliest first.
  const sorted = peers.tradedAtMs(nowMs - state.config.timing.staleMs).sort();
  return sorted[sorted.length - 1 - Math.floor(sorted.length * stragglers)] ?? 0;
}

/** Tells these of this host and asks them for the same, unless that has just been done. */
export function introduce(turn: Turn, hosts: readonly HostId[]): void {
  const { state, nowMs } = turn;
  if (state.sample === null) return;
  const freshMs = 2 * state.config.timing.summaryEveryMs;
  const strangers = hosts.filter((host) => !state.directory.hasHeard(host, nowMs, freshMs));
  if (strangers.length === 0) return;
  const asking = summaryMessage(makeSummary(turn), true);
  for (const host of strangers) tell(turn, host, asking);
}

type SummaryMessage = InformationMessage & { kind: 'summary' };

function summaryMessage(summary: LoadSummary, answer: boolean): SummaryMessage {
  return { kind: 'summary', summary, answer };
}

function tell(turn: Turn, host: HostId, message: SummaryMessage): void {
  const { told } = turn.state.information;
  if (told.has(host)) return;
  told.add(host);
  turn.send(host, message);
}

function makeSummary(turn: Turn): LoadSummary {
  const { state, nowMs } = turn;
  const { config, sample } = state;
  if (sample === null) throw new Error('invariant: a host that was never measured has no summary');
  const summary: LoadSummary = {
    host: config.self,
    name: config.name,
    sequence: nextSequence(turn),
    location: config.location,
    mode: state.settings.mode,
    stopped: state.settings.stopped || state.pausing,
    capacity: sample.capacity,
    load: paperLoad(state),
    measured: whyNotTrading(state, nowMs)?.reason !== 'not-measured',
    domains: state.samples.size,
    room: roomNow(state, sample.capacity),
    revision: state.information.revision,
    tradedMsAgo: Math.max(0, nowMs - state.tradedAtMs),
  };
  state.lastSummary = summary;
  return summary;
}

/** Whom every round goes to. While nothing moves and nobody talks to somebody else they are the same hosts. */
function findPartnerHosts(state: HostState): ReadonlySet<HostId> {
  const { information, directory } = state;
  if (isFew(state)) {
    information.partnersFrom = undefined;
    information.partnerHosts = new Set(information.others);
    return information.partnerHosts;
  }
  const { interestRound: interest, revision, registrations, partnersFrom: before } = information;
  const { changes } = directory;
  const isSame =
    before?.interest === interest &&
    before.revision === revision &&
    before.registrations === registrations &&
    before.changes === changes;
  if (isSame) return information.partnerHosts;
  information.partnersFrom = { interest, revision, registrations, changes };
  information.partnerHosts = new Set(partnerHosts(state));
  return information.partnerHosts;
}

/** The hosts that run or hold what our domains talk to, or ours themselves; heaviest first. */
function partnerHosts(state: HostState): readonly HostId[] {
  const weights = new Map<HostId, number>();
  const add = (host: HostId | null | undefined, bitsPerSecond: number) => {
    if (host === null || host === undefined) return;
    weights.set(host, (weights.get(host) ?? 0) + bitsPerSecond);
  };
  const addRow = (domain: DomainId, other: HostId | null) => {
    for (const { partner, bitsPerSecond } of rowOf(state, domain)) {
      const known = partner === 'external' ? undefined : state.directory.find(partner);
      const [home, holder] = [known?.home, known?.holder];
      add(home, bitsPerSecond);
      if (holder !== home) add(holder, bitsPerSecond);
      if (other !== home && other !== holder) add(other, bitsPerSecond);
    }
  };
  const { self } = state.config;
  for (const { domain, holder } of state.homes.values())
    addRow(domain, holder === self ? null : holder);
  for (const { claim } of state.holdings.values())
    if (!state.homes.has(claim.domain)) addRow(claim.domain, claim.home);
  return [...weights]
    .filter(([host]) => state.information.others.has(host))
    .sort(([, one], [, other]) => other - one)
    .slice(0, partnerHostsMax)
    .map(([host]) => host);
}

function othersTold(state: HostState): number {
  return Math.ceil(Math.log2(state.information.others.size + 1));
}

/** Some other members by chance; of the connected ones if there are enough, because they cost no dialling. */
function draw(state: HostState, random: number): readonly HostId[] {
  const { reachable, others } = state.information;
  const count = othersTold(state);
  const pool = reachable.length >= count ? reachable : [...others];
  const drawn: HostId[] = [];
  for (let index = 0; index < count; index++) {
    const hash = mixed(Math.floor(random * 0x1_0000_0000) + Math.imul(index, 0x9e3779b9));
    const host = pool[hash % pool.length];
    if (host !== undefined) drawn.push(host);
  }
  return drawn;
}

/** What a peer says about itself; what it says about others is not heard. */
export function receiveSummary(turn: Turn, from: HostId, message: SummaryMessage): void {
  const { state, nowMs } = turn;
  const { information } = state;
  const { summary, answer } = message;
  if (summary.host !== from) {
    turn.log('warn', 'summary-stranger', 'A peer sent the load summary of another host.', {
      peer: from,
      host: summary.host,
    });
    return;
  }
  const before = state.directory.peers.get(from)?.summary;
  // Something changed over there: what gained nothing before may gain something now.
  const isLater = state.directory.learn(summary, nowMs);
  if (isLater) {
    noteSummary(turn, summary);
    const hasSameClaims = before?.revision === summary.revision;
    const isChanged = hasSameClaims && loadChanged(state, before, summary);
    if (isChanged) notePeerChange(state, nowMs);
    // A proposal may have told of these claims already, and nothing was found.
    const isSearched = state.backoffs.get(from)?.revision === summary.revision;
    const hasOtherClaims = !hasSameClaims && !isSearched;
    if ((isChanged || hasOtherClaims) && !isFruitless(state, from)) {
      // Of many peers some always have news; those that hold partners are worth looking at before it is time.
      if (isFew(state) || information.partnerHosts.has(from)) wake(state, nowMs, from);
      else lookAgainAt(state, from);
    }
  }
  if (!answer || state.sample === null || information.told.has(from)) return;
  if (information.answersLeft <= 0) return;
  information.answersLeft -= 1;
  tell(turn, from, summaryMessage(makeSummary(turn), false));
}

function loadChanged(state: HostState, before: LoadSummary, now: LoadSummary): boolean {
  return loadDiffers(now.load, before.load, now.capacity, marginOf(state));
}

function marginOf({ config }: HostState): number {
  return config.minGainBitsPerSecond;
}

function nextSequence(turn: Turn): number {
  const { state } = turn;
  const last = state.lastSummary?.sequence;
  // The clock is a floor, so that a host that lost its journal is heard again at once.
  const first = Math.max(state.settings.sequence + 1, Math.floor(turn.nowMs));
  const next = last === undefined ? first : last + 1;
  if (last === undefined || next >= state.settings.sequence) {
    state.settings = { ...state.settings, sequence: next + sequenceBatch };
    turn.record({ kind: 'settings', key: 'settings', value: state.settings });
  }
  return next;
}
