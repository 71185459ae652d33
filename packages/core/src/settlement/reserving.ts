/** Room that is kept here for domains that are to arrive: durably, before their homes are asked, and until nothing can arrive any more. */

import { dropHolding, setHolding } from '../claims/registers.ts';
import type { RefuseReason } from '../message.ts';
import type { DomainId, SettlementId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import type { Reservation } from './settlement.ts';

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
