/**
 * Word against deed: what an honest peer cannot do often, and a liar has to do.
 *
 * Rules against false alarms. A refusal counts only if a summary after it, sent with a higher number, still says
 * what the refusal contradicts: what was true a moment ago excuses. Of proposals without an answer only those count
 * through which the peer stayed connected and went on telling of itself. Sums of claims are compared
 * only where no claim can have changed hands meanwhile. Whatever a peer that is cut off has left unsaid is void.
 */

import type { DealMessage, DeclineReason } from '../message.ts';
import type { Book, HostId, LoadSummary } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import type { Deal } from '../trading/deal.ts';
import type { Charge } from './credibility.ts';
import { accuse, acquit } from './ledger.ts';
import { gainAt, type Promised, promisedBy } from './promise.ts';
import { busyMax, standingOf, withOne, without } from './standing.ts';

const GiB = 1024 ** 3;
export const gibibytes = (bytes: number) => `${(bytes / GiB).toFixed(1)} GiB`;

/** Rounding of sums, and an agent of another version that counts a little differently. */
function exceeds(sum: number, told: number): boolean {
  return sum > told * 1.001 + 1;
}

export function saysThatItTrades({ mode, stopped, measured }: LoadSummary): boolean {
  return mode !== 'observe' && !stopped && measured;
}

function suspect(
  turn: Turn,
  peer: HostId,
  charge: Charge,
  deal: string,
  detail: string,
  promised?: Promised,
): void {
  const { state, nowMs } = turn;
  const summary = state.directory.peers.get(peer)?.summary;
  const standing = standingOf(state, peer);
  if (summary === undefined || standing === undefined || !state.connected.has(peer)) return;
  if (standing.suspicions.has(charge)) return;
  // One that has just begun, or begun again, may not have measured everything yet.
  const { tradesSinceMs } = standing;
  if (tradesSinceMs === null || nowMs - tradesSinceMs < 3 * state.config.timing.proposalMs) return;
  const { sequence } = summary;
  standing.suspicions = withOne(standing.suspicions, charge, {
    atMs: nowMs,
    sequence,
    deal,
    detail,
    ...(promised === undefined ? {} : { promised }),
  });
}

/** What ends the other side's waiting; to ask on and on does not. */
const answers: ReadonlySet<DealMessage['kind']> = new Set(['accept', 'decline', 'commit', 'abort']);

/** The peer answered in a deal, be it too late. */
export function noteWord(state: HostState, peer: HostId, { kind, deal }: DealMessage): void {
  const standing = state.credibility.standings.get(peer);
  if (standing === undefined || !answers.has(kind)) return;
  if (standing.suspicions.get('unanswered')?.deal === deal)
    standing.suspicions = without(standing.suspicions, 'unanswered');
  standing.charges = without(standing.charges, 'unanswered');
  if (kind === 'accept') standing.busy = 0;
}

/** A deal's patience ended: nobody answered our proposal, or decided about what we had accepted. */
export function noteSilence(turn: Turn, { id, peer, role }: Deal): void {
  const standing = standingOf(turn.state, peer);
  if (standing !== undefined) standing.fruitless += 1;
  const what =
    role === 'proposer' ? 'gives proposals no answer' : 'does not decide about its own proposals';
  suspect(turn, peer, 'unanswered', id, `it says that it trades, and ${what}`);
}

/** A proposal of ours was declined. To be called while its book is still at hand. */
export function noteDecline(turn: Turn, { id, peer }: Deal, reason: DeclineReason): void {
  const { state } = turn;
  const standing = standingOf(state, peer);
  if (standing !== undefined) {
    standing.fruitless += 1;
    standing.busy = reason === 'busy' ? standing.busy + 1 : 0;
    if (standing.busy >= busyMax)
      accuse(
        turn,
        peer,
        'busy',
        `its summaries say that it trades, and it was in another deal at each of the last ${standing.busy} proposals`,
      );
  }
  if (reason === 'not-trading' || reason === 'not-measured' || reason === 'refused') {
    const detail = `its summaries say that it trades, and it declines with "${reason}"`;
    suspect(turn, peer, 'unwilling', id, detail);
    return;
  }
  const book = state.proposals.get(id);
  const summary = state.directory.peers.get(peer)?.summary;
  if (reason !== 'no-gain' || book === undefined || summary === undefined) return;
  const { cost, minGainBitsPerSecond } = state.config;
  const promised = promisedBy(book, summary, cost, minGainBitsPerSecond);
  if (promised === undefined) return;
  suspect(turn, peer, 'no-room', id, describePromise(promised, summary), promised);
}

function describePromise({ offer }: Promised, { load, capacity }: LoadSummary): string {
  const { name, memoryBytes, cpu } = offer.traits;
  const megabits = (load.nicBitsPerSecond / 1e6).toFixed(0);
  return `it tells of ${gibibytes(load.memoryBytes)} of ${gibibytes(capacity.memoryLimitBytes)}, ${load.cpu.toFixed(1)} of ${capacity.vcpus} cores and ${megabits} Mbit/s in use, and finds nothing to gain in ${name} (${gibibytes(memoryBytes)}, ${cpu.toFixed(1)} cores), which would relieve this host`;
}

/** A deal with it was committed: it trades. */
export function noteDeal(state: HostState, peer: HostId): void {
  const standing = state.credibility.standings.get(peer);
  if (standing !== undefined) [standing.fruitless, standing.busy] = [0, 0];
  acquit(state, peer, 'unwilling', 'no-room');
}

/** A book that came in a proposal or an acceptance: what it names is part of what its host says it holds. */
export function noteBook(turn: Turn, peer: HostId, book: Book): void {
  const { state, nowMs } = turn;
  const standing = standingOf(state, peer);
  if (standing === undefined || book.host !== peer) return;
  const offered = { memoryBytes: 0, vcpus: 0, cpu: 0 };
  for (const { claim, traits } of book.offers) {
    if (claim.holder !== peer) continue;
    offered.memoryBytes += traits.memoryBytes;
    offered.vcpus += traits.vcpus;
    offered.cpu += traits.cpu;
  }
  const { memoryBytes, vcpus, cpu } = book.load;
  const contradicts =
    exceeds(offered.memoryBytes, memoryBytes) ||
    exceeds(offered.vcpus, vcpus) ||
    exceeds(offered.cpu, cpu + 0.01);
  if (contradicts) {
    const names = `${gibibytes(offered.memoryBytes)}, ${offered.vcpus} vCPUs and ${offered.cpu.toFixed(1)} cores`;
    const says = `${gibibytes(memoryBytes)}, ${vcpus} and ${cpu.toFixed(1)}`;
    accuse(
      turn,
      peer,
      'book',
      `its book offers VMs of ${names}, and says that all it holds are ${says}`,
    );
    return;
  }
  // A proposal is repeated as it was for so long, and messages overtake each other.
  const { told } = standing;
  const { proposalMs } = state.config.timing;
  if (told === null || nowMs - told.sinceMs < 3 * proposalMs) return;
  if (!differs(memoryBytes, told.memoryBytes) && !differs(vcpus, told.vcpus)) return;
  const detail = `its book tells of ${gibibytes(memoryBytes)} and ${vcpus} vCPUs held, its summaries before and after of ${gibibytes(told.memoryBytes)} and ${told.vcpus}`;
  standing.book ??= { told, atMs: nowMs, detail };
}

function differs(one: number, other: number): boolean {
  return exceeds(one, other) || exceeds(other, one);
}

/** A summary that is later than all before it: what was suspected stands if it says the same again. */
export function noteSummary(turn: Turn, summary: LoadSummary): void {
  const { state, nowMs } = turn;
  const standing = standingOf(state, summary.host);
  if (standing === undefined) return;
  const { revision } = summary;
  const { memoryBytes, vcpus } = summary.load;
  const { told } = standing;
  const isAsBefore =
    told?.revision === revision && told.memoryBytes === memoryBytes && told.vcpus === vcpus;
  if (!isAsBefore) {
    standing.told = { revision, memoryBytes, vcpus, sinceMs: nowMs };
    standing.book = null;
  }
  if (!saysThatItTrades(summary)) standing.tradesSinceMs = null;
  else standing.tradesSinceMs ??= nowMs;
  const { proposalMs } = state.config.timing;
  const { book } = standing;
  if (book !== null && nowMs - book.atMs >= 3 * proposalMs) {
    standing.book = null;
    accuse(turn, summary.host, 'book', book.detail);
  }
  for (const [charge, suspicion] of standing.suspicions) {
    if (summary.sequence <= suspicion.sequence || nowMs - suspicion.atMs < proposalMs) continue;
    standing.suspicions = without(standing.suspicions, charge);
    if (!saysThatItTrades(summary)) continue;
    const { promised, detail } = suspicion;
    if (promised === undefined) accuse(turn, summary.host, charge, detail);
    else if (isPromisedAgain(state, promised, summary))
      accuse(turn, summary.host, charge, describePromise(promised, summary));
  }
}

function isPromisedAgain({ config }: HostState, promised: Promised, summary: LoadSummary): boolean {
  return gainAt(promised, summary, config.cost) >= config.minGainBitsPerSecond;
}

/** It claims to run a domain that the last sample shows running here. */
export function noteContest(turn: Turn, peer: HostId, name: string): void {
  accuse(turn, peer, 'contested', `it says that ${name} runs there, and it runs here`);
}
