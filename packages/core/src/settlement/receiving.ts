/**
 * Settlement at the holder: keeps room, calls the domain from its home, and notices it arrive.
 *
 * Room is kept, durably, before the home is asked, and kept until nothing can arrive any more: `refusing.ts`
 * sees to that where the home says that its domain stays.
 */

import { heldDomains, paperLoad, traitsOf } from '../claims/book.ts';
import { type Holding, isHeld } from '../claims/claim.ts';
import { dropHolding, setHolding } from '../claims/holding.ts';
import type { RefuseReason, SettlementMessage } from '../message.ts';
import type { DomainId, HostId, Policy, SettlementId } from '../model/model.ts';
import { countGroups } from '../model/policy.ts';
import type { DomainPresence } from '../ports.ts';
import type { HostState, Turn } from '../state.ts';
import { giveUp } from './giving-up.ts';
import { type Blocked, makeRoom } from './hurry.ts';
import { type Worth, whyRoomIsKept } from './kept-room.ts';
import { patience } from './patience.ts';
import { endArrival, refuse } from './refusing.ts';
import type { Reservation } from './settlement.ts';
import { paceMaxMs, paceMs, urgencyPerByte, worthPerByte } from './worth.ts';

/** Repeats what was asked, ends what can no longer arrive, and calls the next domains. */
export function tickReceiving(turn: Turn, random: number): void {
  const { state, nowMs } = turn;
  for (const reservation of [...state.reservations.values()]) {
    const { settlement, domain, home, version } = reservation;
    const expired = nowMs >= reservation.leaseExpiresAtMs;
    if (reservation.phase === 'asking') {
      if (expired) {
        // Nothing was let in, and nothing will be. Its home, down for now, may have promised it all the same.
        endArrival(turn, reservation, 'refused');
        release(turn, reservation, 'its home did not answer');
      } else if (turn.due(`settle ${settlement}`)) ask(turn, reservation);
    } else if (reservation.phase === 'refusing') {
      if (turn.due(`refuse ${settlement}`))
        turn.emit({ kind: 'refuseArrival', settlement, domain });
    } else if (turn.due(`query ${settlement}`)) {
      turn.send(home, { kind: 'query', settlement, domain, version });
      // The home has been silent for a whole lease: see for ourselves whether anything still arrives.
      if (expired) turn.emit({ kind: 'inspect', settlement, domain });
    }
  }
  callNext(turn, random);
}

/** The target's half of the migration path asks: may this domain arrive now? Answers by the state. */
export function arrivalRequested(
  turn: Turn,
  from: HostId,
  settlement: SettlementId,
  domain: DomainId,
): void {
  const { state, nowMs } = turn;
  const reservation = state.reservations.get(settlement);
  if (reservation === undefined || reservation.domain !== domain || reservation.home !== from)
    return;
  if (reservation.phase === 'arrived' || reservation.phase === 'refusing') return;
  if (reservation.phase === 'asking' && nowMs >= reservation.leaseExpiresAtMs) return;
  setReservation(turn, {
    ...reservation,
    phase: 'arriving',
    leaseExpiresAtMs: nowMs + state.config.timing.settleLeaseMs,
    opened: true,
  });
}

/** The lease under which a domain may arrive; undefined = it may not. */
export function arrivalLease(
  state: HostState,
  from: HostId,
  settlement: SettlementId,
  domain: DomainId,
  nowMs: number,
): Readonly<{ expiresAtMs: number; memoryBytes: number }> | undefined {
  const reservation = state.reservations.get(settlement);
  if (reservation === undefined || reservation.home !== from || reservation.domain !== domain)
    return undefined;
  if (reservation.phase !== 'arriving' || nowMs >= reservation.leaseExpiresAtMs) return undefined;
  const { leaseExpiresAtMs, traits } = reservation;
  // Somebody may have started or redefined one of its group here since we asked for it.
  if (isKeptApart(state, domain, traits.policy)) return undefined;
  return { expiresAtMs: leaseExpiresAtMs, memoryBytes: traits.memoryBytes };
}

export function receiveSettlementAnswer(
  turn: Turn,
  from: HostId,
  message: SettlementMessage & { kind: 'settling' | 'settled' | 'refuse' },
): void {
  const { state, nowMs } = turn;
  const reservation = state.reservations.get(message.settlement);
  if (reservation === undefined || reservation.home !== from) return;
  switch (message.kind) {
    case 'settling':
      if (reservation.phase === 'arrived' || reservation.phase === 'refusing') return;
      setReservation(turn, {
        ...reservation,
        phase: 'arriving',
        leaseExpiresAtMs: nowMs + state.config.timing.settleLeaseMs,
      });
      return;
    case 'refuse':
      // Said before the home agreed to a later copy of the question, and overtaken by that: room that something
      // may arrive in is given up only when its lease has ended and our hypervisor knows of no arrival.
      if (reservation.phase !== 'asking') return;
      release(turn, reservation, `${message.reason}: ${message.detail}`, message.reason);
      return;
    case 'settled':
      if (!message.moved) {
        // Something of it may be here still: a copy that came and was never started, or a way that is open.
        if (reservation.phase !== 'refusing') refuse(turn, reservation, message.detail);
        return;
      }
      // Kept until the next sample shows the domain running here: its room is taken all the time. Unless
      // somebody took it away at once: then our hypervisor says so when the lease has ended.
      if (reservation.phase === 'arrived') return;
      setReservation(turn, {
        ...reservation,
        phase: 'arrived',
        leaseExpiresAtMs: nowMs + state.config.timing.settleLeaseMs,
      });
  }
}

/** Our own hypervisor's answer about a domain that should be arriving, when its home is silent. */
export function arrivalInspected(
  turn: Turn,
  settlement: SettlementId,
  presence: DomainPresence,
): void {
  const { state, nowMs } = turn;
  const reservation = state.reservations.get(settlement);
  if (reservation === undefined || nowMs < reservation.leaseExpiresAtMs) return;
  if (reservation.phase === 'refusing') return;
  if (presence.state !== 'absent') return;
  const why = 'nothing arrives here any more, and it does not run here';
  // Where its home has said that it moved, it has gone on since. Otherwise its home may ask about this much later, when
  // the domain runs here by another settlement: what is certain now is found out and written down.
  if (reservation.phase === 'arrived') release(turn, reservation, why);
  else refuse(turn, reservation, why);
}

/** The reservation under which a domain that now runs here arrived, if it did so by us. */
export function reservationOf(state: HostState, domain: DomainId): Reservation | undefined {
  for (const reservation of state.reservations.values())
    if (reservation.domain === domain) return reservation;
  return undefined;
}

/** Memory that is taken here or about to be: domains that run or arrive, and room that is kept. */
export function committedMemoryBytes(state: HostState): number {
  let bytes = 0;
  const reserved = new Set<DomainId>();
  for (const reservation of state.reservations.values()) {
    bytes += reservation.traits.memoryBytes;
    reserved.add(reservation.domain);
  }
  for (const [domain, sample] of state.samples)
    if (!reserved.has(domain)) bytes += sample.traits.memoryBytes;
  return bytes;
}

function callNext(turn: Turn, random: number): void {
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
  for (const { holding, worth } of ready) {
    if (state.reservations.size >= config.migrationsAtOnce) break;
    const roomBytes = sample.capacity.memoryTransientBytes - committedMemoryBytes(state);
    const obstacle =
      whyNoRoom(state, holding) ?? whyRoomIsKept(state, { holding, worth }, roomBytes, next, nowMs);
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
  const isDealtWith = [...state.deals.values()].some(
    (deal) =>
      (deal.phase === 'proposed' || deal.phase === 'accepted') &&
      (deal.role === 'proposer' || deal.moves.some((move) => move.claim.domain === domain)),
  );
  return isDealtWith ? Infinity : 0;
}

/**
 * When a claim has rested, and so has trading here and around: whoever settles while claims are still changing
 * hands takes domains out of the trade (a domain that has just migrated stays) that better deals would need.
 * Where trading never stops, claims are settled all the same, later. The less a move saves, the later it is.
 */
function quietInMs(state: HostState, holding: Holding, nowMs: number, tradedAtMs: number): number {
  const { settleAfterMs } = state.config.timing;
  const restedMs = nowMs - holding.acquiredAtMs;
  const quietMs = Math.min(restedMs, nowMs - tradedAtMs);
  if (quietMs < settleAfterMs && restedMs < patience * settleAfterMs)
    return settleAfterMs - quietMs;
  if (quietMs >= settleAfterMs + paceMaxMs(state)) return 0;
  const pauseMs = settleAfterMs + paceMs(state, holding, nowMs);
  return Math.max(0, Math.min(pauseMs - quietMs, patience * pauseMs - restedMs));
}

/** Why the domain cannot come now, although its claim is ours; null when it can. */
function whyNoRoom(state: HostState, holding: Holding): string | null {
  const { sample } = state;
  if (sample === null) return 'this host has not been measured yet';
  const { memoryBytes, vcpus, policy, name } = holding.traits;
  const free = sample.capacity.memoryTransientBytes - committedMemoryBytes(state);
  if (memoryBytes > free) {
    const leaving = [...state.homes.values()].filter((entry) => entry.holder !== state.config.self);
    const hope =
      leaving.length > 0 ? `until one of ${leaving.length} leaving VMs is gone` : 'at all';
    return `no room for ${name} ${hope}: it needs ${memoryBytes} bytes and ${Math.max(0, free)} are free`;
  }
  const reservedVcpus = [...state.reservations.values()].reduce(
    (sum, reservation) => sum + reservation.traits.vcpus,
    0,
  );
  const runningVcpus = [...state.samples.values()].reduce((sum, one) => sum + one.traits.vcpus, 0);
  if (runningVcpus + reservedVcpus + vcpus > sample.capacity.vcpuLimit)
    return `no vCPUs left for ${name}`;
  if (isKeptApart(state, holding.claim.domain, policy))
    return `${name} is to be kept apart from a VM here (group ${policy.keepApart})`;
  return null;
}

/** Whether another domain of its keep-apart group is here: also one that has been given away and still runs here. */
function isKeptApart(state: HostState, domain: DomainId, { keepApart }: Policy): boolean {
  if (keepApart === undefined) return false;
  const here = new Set([...heldDomains(state), ...state.samples.keys()]);
  here.delete(domain);
  const groups = countGroups(
    [...here].flatMap((one) => traitsOf(state, one)?.policy.keepApart ?? []),
  );
  return (groups.get(keepApart) ?? 0) > 0;
}

function ask(turn: Turn, reservation: Reservation): void {
  const { settlement, domain, version, home } = reservation;
  const leaseMs = reservation.leaseExpiresAtMs - turn.nowMs;
  turn.send(home, { kind: 'settle', settlement, domain, version, leaseMs });
}

/** Room is free again; the claim, if it is still ours, is asked about later. */
export function release(
  turn: Turn,
  reservation: Reservation,
  why: string,
  reason?: RefuseReason,
): void {
  const { state, nowMs } = turn;
  const { settlement, domain } = reservation;
  dropReservation(turn, settlement);
  const arrived = reservation.phase === 'arrived';
  if (reservation.phase !== 'asking') recordArrival(turn, reservation, arrived, why);
  const holding = state.holdings.get(domain);
  if (holding === undefined) return;
  if (reason === 'not-holder' || reason === 'gone') {
    dropHolding(turn, domain);
    return;
  }
  const { backoffMs, resendMs } = state.config.timing;
  const soon = reason === 'busy' || reason === 'needs-approval';
  if (reason === 'busy') state.nextInLine.add(domain);
  const settleNotBeforeMs = nowMs + (soon ? 2 * resendMs : backoffMs);
  setHolding(turn, { ...holding, waiting: why, settleNotBeforeMs });
  if (!soon)
    turn.log('info', 'settlement-refused', `${holding.traits.name} does not come: ${why}.`, {
      settlement,
      domain,
    });
}

export function setReservation(turn: Turn, reservation: Reservation): void {
  turn.state.reservations.set(reservation.settlement, reservation);
  turn.state.nextInLine.delete(reservation.domain);
  turn.record({ kind: 'reservation', key: reservation.settlement, value: reservation });
}

export function dropReservation(turn: Turn, settlement: SettlementId): void {
  turn.state.reservations.delete(settlement);
  turn.state.callsDueAtMs = 0;
  turn.state.saidAtMs.delete(`settle ${settlement}`);
  turn.state.saidAtMs.delete(`query ${settlement}`);
  turn.state.saidAtMs.delete(`refuse ${settlement}`);
  turn.record({ kind: 'reservation', key: settlement, value: null });
}

/** The holder's own record of a migration that had begun, as it ended here; its home knows what it took. */
export function recordArrival(
  turn: Turn,
  { settlement, domain, home: from }: Reservation,
  moved: boolean,
  detail: string,
): void {
  const { state, nowMs: atMs } = turn;
  const to = state.config.self;
  const statistics = null;
  turn.file({
    kind: 'move',
    atMs,
    settlement,
    domain,
    from,
    to,
    moved,
    detail,
    statistics,
  });
}

/** How much of the memory limit the claims held here leave free on paper. */
export function paperRoomBytes(state: HostState): number {
  const limit = state.sample?.capacity.memoryLimitBytes ?? 0;
  return limit - paperLoad(state).memoryBytes;
}
