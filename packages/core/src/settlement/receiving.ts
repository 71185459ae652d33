/**
 * Settlement at the holder, once it has kept room (`reserving.ts`) and called the domain from its home (`calling.ts`).
 *
 * Room is kept, durably, before the home is asked, and kept until nothing can arrive any more: `refusing.ts`
 * sees to that where the home says that its domain stays.
 */

import type { SettlementMessage } from '../message.ts';
import type { DomainId, HostId, SettlementId } from '../model/model.ts';
import type { DomainPresence } from '../model/presence.ts';
import type { HostState, Turn } from '../state.ts';
import { ask, callNext, isKeptApart } from './calling.ts';
import { endArrival, refuse } from './refusing.ts';
import { release, setReservation } from './reserving.ts';

/** Repeats what was asked, ends what can no longer arrive, and calls the next domains. */
export function tickReceiving(turn: Turn, random: number): void {
  const { state, nowMs } = turn;
  for (const reservation of state.reservations.values()) {
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
        // Something of it may be here still: a copy that came and was never started, or a way that is open. What its home
        // has said to have moved has run here, wherever it is now.
        if (reservation.phase === 'asking' || reservation.phase === 'arriving')
          refuse(turn, reservation, message.detail);
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
