/** Which claim is settled next, and when: what has rested, saves most, and has room. */

import { heldDomains, traitsOf } from '../claims/book.ts';
import { type Holding, isHeld } from '../claims/claim.ts';
import type { DomainId, HostRoom, Policy, SettlementId } from '../model/model.ts';
import { countGroups } from '../model/policy.ts';
import type { HostState, Turn } from '../state.ts';
import { giveUp } from './giving-up.ts';
import { whyGroupWaits } from './group-room.ts';
import { type Blocked, makeRoom } from './hurry.ts';
import { type Worth, whyRoomIsKept } from './kept-room.ts';
import { patience } from './patience.ts';
import { reservationOf, setReservation } from './reserving.ts';
import { freeRoom } from './room.ts';
import type { Reservation } from './settlement.ts';
import { paceMaxMs, paceMs, urgencyPerByte, worthPerByte } from './worth.ts';

/** Keeps room for the most urgent claims that have rested and fit, and asks their homes for them. */
export function callNext(turn: Turn, random: number): void {
  const { state, nowMs } = turn;
  const { config, settings, sample } = state;
  if (settings.stopped || settings.mode === 'observe' || state.pausing || sample === null) return;
  if (nowMs - state.sampledAtMs > config.timing.staleMs || state.unmeasured !== null) return;
  if (state.reservations.size >= config.migrationsAtOnce) return;
  if (state.holdings.size === 0) return;
  const { resendMs, settleAfterMs } = config.timing;
  const [soonMs, laterMs] = [2 * resendMs, 10 * resendMs];
  if (nowMs < state.callsDueAtMs && state.callsDueAtMs - nowMs <= laterMs) return;
  const tradedAtMs = Math.max(state.tradedAtMs, state.heardTradeAtMs);
  const ready: Worth[] = [];
  let next: Worth | undefined;
  let leastMs = laterMs;
  for (const holding of state.holdings.values()) {
    const inMs = waitsMs(state, holding, nowMs, tradedAtMs);
    leastMs = Math.min(leastMs, inMs);
    const isNext = inMs > 0 && inMs <= soonMs && state.nextInLine.has(holding.claim.domain);
    if (inMs > 0 && !isNext) continue;
    const worth = urgencyPerByte(state, holding, nowMs);
    if (inMs === 0) ready.push({ holding, worth });
    else if (worth > (next?.worth ?? 0)) next = { holding, worth };
  }
  // Others' trades, rates and room change meanwhile; what that does shows a few seconds later.
  state.callsDueAtMs = settleAfterMs === 0 ? 0 : nowMs + Math.max(soonMs, leastMs);
  ready.sort((one, other) => other.worth - one.worth);
  const blocked: Blocked[] = [];
  let room = freeRoom(state, sample.capacity);
  for (const { holding, worth } of ready) {
    if (state.reservations.size >= config.migrationsAtOnce) break;
    const obstacle =
      whyNoRoom(state, holding, room) ??
      whyRoomIsKept(state, { holding, worth }, room.memoryBytes, next, nowMs);
    if (obstacle !== null) {
      blocked.push({ holding, urgencyPerByte: worth });
      if (holding.waiting !== obstacle)
        state.holdings.set(holding.claim.domain, { ...holding, waiting: obstacle });
      continue;
    }
    const { domain, home, version } = holding.claim;
    const settlement =
      `${config.self.slice(-6)}-${nowMs.toString(36)}-${Math.floor(random * 1e6).toString(36)}-${state.reservations.size}` as SettlementId;
    const reservation: Reservation = {
      settlement,
      domain,
      home,
      version,
      traits: holding.traits,
      row: holding.row,
      phase: 'asking',
      startedAtMs: nowMs,
      leaseExpiresAtMs: nowMs + config.timing.settleLeaseMs,
      opened: false,
    };
    setReservation(turn, reservation);
    room = freeRoom(state, sample.capacity);
    turn.due(`settle ${settlement}`);
    ask(turn, reservation);
  }
  makeRoom(turn, blocked);
  giveUp(turn, blocked);
}

/** Whether nothing but time stands between a claim and its settlement, and how much of that; ms. */
function waitsMs(state: HostState, holding: Holding, nowMs: number, tradedAtMs: number): number {
  const { domain, home } = holding.claim;
  if (!isHeld(holding, nowMs) || !state.connected.has(home)) return Infinity;
  const restMs = quietInMs(state, holding, nowMs, tradedAtMs);
  if (restMs > 0) return restMs;
  if (nowMs < holding.settleNotBeforeMs) return holding.settleNotBeforeMs - nowMs;
  if (holding.meeting !== undefined && worthPerByte(state, holding) <= 0) return Infinity;
  if (reservationOf(state, domain) !== undefined) return Infinity;
  const isDealtWith = [...state.openDeals.values()].some(
    (deal) =>
      (deal.phase === 'proposed' || deal.phase === 'accepted') &&
      (deal.role === 'proposer' || deal.moves.some((move) => move.claim.domain === domain)),
  );
  return isDealtWith ? Infinity : 0;
}

/**
 * When a claim has rested, and so has trading here and around: whoever settles while claims are still changing
 * hands takes domains out of the trade (a domain that has just migrated stays) that better deals would need.
 * Where trading never stops, claims are settled all the same, later. The less a move saves, the later it is: counted from
 * when trading around here became quiet, which is about the same for everybody, and not anew with every late deal.
 */
function quietInMs(state: HostState, holding: Holding, nowMs: number, tradedAtMs: number): number {
  const { settleAfterMs } = state.config.timing;
  const restedMs = nowMs - holding.acquiredAtMs;
  const quietMs = Math.min(restedMs, nowMs - tradedAtMs);
  if (quietMs < settleAfterMs && restedMs < patience * settleAfterMs)
    return settleAfterMs - quietMs;
  const aroundMs = nowMs - state.heardTradeAtMs;
  if (aroundMs >= settleAfterMs + paceMaxMs(state)) return 0;
  const pauseMs = settleAfterMs + paceMs(state, holding, nowMs);
  return Math.max(0, Math.min(pauseMs - aroundMs, patience * pauseMs - restedMs));
}

/** Why the domain cannot come now, although its claim is ours; null when it can. */
function whyNoRoom(state: HostState, holding: Holding, room: HostRoom): string | null {
  const { memoryBytes, vcpus, policy, name } = holding.traits;
  if (memoryBytes > room.memoryBytes) {
    const leaving = [...state.homes.values()].filter((entry) => entry.holder !== state.config.self);
    const hope =
      leaving.length > 0 ? `until one of ${leaving.length} leaving VMs is gone` : 'at all';
    return `no room for ${name} ${hope}: it needs ${memoryBytes} bytes and ${Math.max(0, room.memoryBytes)} are free`;
  }
  if (vcpus > room.vcpus) return `no vCPUs left for ${name}`;
  if (isKeptApart(state, holding.claim.domain, policy))
    return `${name} is to be kept apart from a VM here (group ${policy.keepApart})`;
  return whyGroupWaits(state, holding, room);
}

/**
 * Whether another domain of its keep-apart group is here: also one that has been given away and still runs here, or that
 * an agent which has just started knows from its journal only.
 */
export function isKeptApart(state: HostState, domain: DomainId, { keepApart }: Policy): boolean {
  if (keepApart === undefined) return false;
  const here = new Set([...heldDomains(state), ...state.homes.keys()]);
  here.delete(domain);
  const policyOf = (one: DomainId) => traitsOf(state, one)?.policy ?? state.homes.get(one)?.policy;
  const groups = countGroups([...here].flatMap((one) => policyOf(one)?.keepApart ?? []));
  return (groups.get(keepApart) ?? 0) > 0;
}

/** Asks the home to send the domain, for as long as room is kept for it. */
export function ask(turn: Turn, reservation: Reservation): void {
  const { settlement, domain, version, home } = reservation;
  const leaseMs = reservation.leaseExpiresAtMs - turn.nowMs;
  turn.send(home, { kind: 'settle', settlement, domain, version, leaseMs });
}
