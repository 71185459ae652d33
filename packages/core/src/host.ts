/**
 * The host reducer: one event in, state and effects out. Everything that an agent decides is decided
 * here; everything that touches the world is an effect.
 *
 * The caller hands the state over: `step` changes it in place and returns it, so the earlier state must
 * not be used again (copying maps of a thousand claims on every message would be most of the work).
 * Effects are to be performed in the order given; `persist` always comes first and must be durable
 * before the next one is begun.
 */

import { receiveClaimMessage } from './claims/hearing.ts';
import { tickClaims, tickIdleClaims } from './claims/leases.ts';
import type { HostConfig } from './config.ts';
import { tickDistrust } from './credibility/ledger.ts';
import { createCredibility } from './credibility/standing.ts';
import { tickWaits } from './credibility/waits.ts';
import {
  publish,
  receiveAnnounce,
  receiveHeard,
  receiveSeek,
  tickAnnouncing,
} from './information/announcing.ts';
import { Directory } from './information/directory.ts';
import { createInformation } from './information/information.ts';
import { receiveNear, receiveNearby } from './information/looking-around.ts';
import { keepUp, receiveFound, seek } from './information/seeking.ts';
import { receiveSummary, summarize } from './information/summary.ts';
import { observe } from './measuring/sampling.ts';
import { changePeers } from './membership.ts';
import type { Message } from './message.ts';
import type { DomainId, HostId, HostSample, Mode, SettlementId } from './model/model.ts';
import type { DomainPresence } from './model/presence.ts';
import { type Order, obey } from './order.ts';
import type { MigrationProgress, MigrationResult, PeerState, RefusalOutcome } from './ports.ts';
import type { JournalRecord } from './record.ts';
import { restart } from './restarting.ts';
import {
  departureInspected,
  migrationEnded,
  receiveLocated,
  receiveQuery,
} from './settlement/ending.ts';
import { receiveHurry } from './settlement/hurry.ts';
import { hearAfterWord } from './settlement/operators-word.ts';
import {
  arrivalInspected,
  arrivalRequested,
  receiveSettlementAnswer,
  tickReceiving,
} from './settlement/receiving.ts';
import { answerLocate, arrivalRefused, receiveLocate } from './settlement/refusing.ts';
import { reservationOf } from './settlement/reserving.ts';
import { receiveSettle, tickSending } from './settlement/sending.ts';
import { type HostEffect, type HostState, Turn } from './state.ts';
import { enterDeal } from './trading/driving.ts';
import { propose } from './trading/proposing.ts';
import { receiveDealMessage, tickDeals } from './trading/trading.ts';

/** One number each for: when to trade next, with whom, settlement ids, whom to tell and when to refresh. */
export type TickRandom = readonly [number, number, number, number];

export type HostEvent =
  /** First event of every run, after `createHost` from the journal. */
  | Readonly<{ kind: 'restarted'; nowMs: number }>
  /** Time passed; `random` holds fresh numbers in [0, 1). Send one at least every `resendMs`. */
  | Readonly<{ kind: 'ticked'; nowMs: number; random: TickRandom }>
  /** A measurement that was begun at `beganAtMs`. */
  | Readonly<{ kind: 'sampled'; nowMs: number; beganAtMs: number; sample: HostSample }>
  /** The hypervisor cannot be asked: wait, do not guess. */
  | Readonly<{ kind: 'sampleFailed'; nowMs: number; detail: string }>
  | Readonly<{ kind: 'peersChanged'; nowMs: number; peers: readonly PeerState[] }>
  | Readonly<{ kind: 'messageReceived'; nowMs: number; from: HostId; message: Message }>
  /** The target's half of the migration path asks; see `arrivalLease` for the answer. */
  | Readonly<{
      kind: 'arrivalRequested';
      nowMs: number;
      from: HostId;
      settlement: SettlementId;
      domain: DomainId;
    }>
  | Readonly<{ kind: 'migrationProgressed'; nowMs: number; progress: MigrationProgress }>
  | Readonly<{
      kind: 'migrationEnded';
      nowMs: number;
      settlement: SettlementId;
      result: MigrationResult;
    }>
  | Readonly<{
      kind: 'inspected';
      nowMs: number;
      settlement: SettlementId;
      domain: DomainId;
      presence: DomainPresence;
    }>
  | Readonly<{
      kind: 'arrivalRefused';
      nowMs: number;
      settlement: SettlementId;
      domain: DomainId;
      outcome: RefusalOutcome;
    }>
  | Readonly<{ kind: 'ordered'; nowMs: number; order: Order }>;

export type HostStep = Readonly<{ state: HostState; effects: readonly HostEffect[] }>;

/** A host as its journal remembers it. `configuredMode` holds until an operator has ordered another. */
export function createHost(
  config: HostConfig,
  records: readonly JournalRecord[],
  configuredMode: Mode,
): HostState {
  const state: HostState = {
    config,
    settings: { mode: configuredMode, configuredMode, stopped: false, sequence: 0 },
    sample: null,
    sampledAtMs: 0,
    unmeasured: null,
    samples: new Map(),
    rows: new Map(),
    pricedRows: new Map(),
    steadiness: new Map(),
    rowSources: new Map(),
    watchesSteadiness: false,
    arrivals: new Map(),
    overloadSeen: undefined,
    peersChangedAtMs: Number.NEGATIVE_INFINITY,
    aboveSinceMs: null,
    resting: new Set(),
    homes: new Map(),
    formerVersions: new Map(),
    holdings: new Map(),
    deals: new Map(),
    openDeals: new Map(),
    reservations: new Map(),
    settlements: new Map(),
    progress: new Map(),
    meetAfterMs: new Map(),
    located: new Map(),
    questions: new Map(),
    locating: new Map(),
    endedArrivals: new Map(),
    refused: new Map(),
    departed: new Map(),
    proposals: new Map(),
    acceptances: new Map(),
    directory: new Directory(),
    information: createInformation(config.self),
    connected: new Set(),
    backoffs: new Map(),
    credibility: createCredibility(),
    saidAtMs: new Map(),
    counts: { committed: 0, declined: 0, aborted: 0, moved: 0, failed: 0 },
    pausing: false,
    tradedAtMs: 0,
    hurried: new Map(),
    blockedSinceMs: new Map(),
    nextInLine: new Set(),
    nextTradeAtMs: 0,
    idleRounds: 0,
    priced: { load: undefined, domains: new Map(), changedAtMs: 0 },
    looked: undefined,
    paperLoad: undefined,
    madeBook: undefined,
    outlook: undefined,
    heardTradeAtMs: 0,
    callsDueAtMs: 0,
    leasesDueAtMs: 0,
    sendingDueAtMs: 0,
    forgetDueAtMs: 0,
    nextSummaryAtMs: 0,
    lastSummary: null,
  };
  for (const record of records) restore(state, record);
  if (state.settings.configuredMode !== configuredMode)
    state.settings = { ...state.settings, mode: configuredMode, configuredMode };
  return state;
}

function restore(state: HostState, record: JournalRecord): void {
  if (record.value === null) return;
  switch (record.kind) {
    case 'deal':
      enterDeal(state, record.value);
      return;
    case 'home':
      state.homes.set(record.value.domain, record.value);
      return;
    case 'former':
      state.formerVersions.set(record.key as DomainId, record.value.version);
      return;
    case 'holding':
      state.holdings.set(record.value.claim.domain, record.value);
      return;
    case 'settlement':
      state.settlements.set(record.value.settlement, record.value);
      return;
    case 'reservation':
      state.reservations.set(record.value.settlement, record.value);
      return;
    case 'arrival':
      state.endedArrivals.set(record.value.settlement, record.value);
      return;
    case 'settings':
      state.settings = record.value;
      return;
    case 'receipt':
      return;
  }
}

export function step(state: HostState, event: HostEvent): HostStep {
  const turn = new Turn(state, event.nowMs);
  take(turn, event);
  publish(turn);
  keepUp(turn);
  seek(turn);
  return { state, effects: turn.effects() };
}

function take(turn: Turn, event: HostEvent): void {
  const { state } = turn;
  switch (event.kind) {
    case 'restarted':
      restart(turn);
      return;
    case 'ticked':
      tickDeals(turn);
      tickTrust(turn);
      tickClaims(turn);
      tickSending(turn);
      tickReceiving(turn, event.random[2]);
      propose(turn, [event.random[0], event.random[1]]);
      tickAnnouncing(turn, event.random[3]);
      summarize(turn, event.random[3]);
      return;
    case 'sampled':
      observe(turn, event.sample, event.beganAtMs);
      return;
    case 'sampleFailed':
      state.unmeasured = event.detail;
      // Others are not left to propose to a host that has to decline.
      state.nextSummaryAtMs = event.nowMs;
      turn.log('warn', 'sample-failed', `This host cannot be measured: ${event.detail}.`);
      return;
    case 'peersChanged':
      changePeers(turn, event.peers);
      return;
    case 'messageReceived':
      receive(turn, event.from, event.message);
      return;
    case 'arrivalRequested':
      arrivalRequested(turn, event.from, event.settlement, event.domain);
      return;
    case 'migrationProgressed':
      state.progress.set(event.progress.settlement, event.progress);
      return;
    case 'migrationEnded':
      migrationEnded(turn, event.settlement, event.result);
      return;
    case 'inspected':
      inspected(turn, event.settlement, event.domain, event.presence);
      return;
    case 'arrivalRefused':
      arrivalRefused(turn, event.settlement, event.domain, event.outcome);
      return;
    case 'ordered':
      obey(turn, event.order);
      return;
  }
}

/** What takes minutes to be true. In a large cluster there is much to look through, and hardly ever anything to do. */
function tickTrust(turn: Turn): void {
  const { state, nowMs } = turn;
  const everyMs = 10 * state.config.timing.resendMs;
  const passedMs = nowMs - state.credibility.lookedAtMs;
  if (passedMs >= 0 && passedMs < everyMs) return;
  // Before claims that nobody calls are taken back.
  tickWaits(turn, everyMs);
  tickIdleClaims(turn);
  tickDistrust(turn);
}

function receive(turn: Turn, from: HostId, message: Message): void {
  switch (message.kind) {
    case 'transfer':
    case 'transferred':
    case 'renew':
    case 'renewed':
    case 'revoked':
      receiveClaimMessage(turn, from, message);
      return;
    case 'hurry':
      receiveHurry(turn, from, message);
      return;
    case 'settle':
      receiveSettle(turn, from, message);
      return;
    case 'query':
      receiveQuery(turn, from, message);
      return;
    case 'located':
      receiveLocated(turn, from, message);
      hearAfterWord(turn, message.settlement);
      return;
    case 'locate':
      receiveLocate(turn, from, message);
      return;
    case 'settling':
    case 'settled':
    case 'refuse':
      receiveSettlementAnswer(turn, from, message);
      return;
    case 'summary':
      receiveSummary(turn, from, message);
      return;
    case 'announce':
      receiveAnnounce(turn, from, message);
      return;
    case 'seek':
      receiveSeek(turn, from, message);
      return;
    case 'found':
      receiveFound(turn, from, message);
      return;
    case 'nearby':
      receiveNearby(turn, from, message);
      return;
    case 'near':
      receiveNear(turn, message);
      return;
    case 'heard':
      receiveHeard(turn, from, message);
      return;
    default:
      receiveDealMessage(turn, from, message);
  }
}

function inspected(
  turn: Turn,
  settlement: SettlementId,
  domain: DomainId,
  presence: DomainPresence,
): void {
  answerLocate(turn, settlement, domain, presence);
  departureInspected(turn, settlement, presence);
  if (reservationOf(turn.state, domain)?.settlement === settlement)
    arrivalInspected(turn, settlement, presence);
}
