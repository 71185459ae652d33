/**
 * The target's part in finding out how a migration ended: it says where the domain is and how the arrival
 * ended, and gives an arrival up when its home asks for that.
 *
 * The rule: `refused` is said only after three things, in this order: the journal holds that the arrival is
 * being refused (nothing is let in by it any more), the hypervisor has ended whatever had come and says that it
 * never ran here, and the journal holds `refused`. From then on the home may resume its own copy, so nothing
 * ever takes it back. Where nothing was ever let in, because the home did not answer, the last of them is enough.
 */

import type { SettlementMessage } from '../message.ts';
import type { DomainId, HostId, SettlementId } from '../model/model.ts';
import type { DomainPresence } from '../model/presence.ts';
import type { RefusalOutcome } from '../ports.ts';
import type { Turn } from '../state.ts';
import { release, setReservation } from './reserving.ts';
import type { ArrivalWord, Located, Reservation } from './settlement.ts';

/** Homes may ask about a migration long after: more than a host sees in years. */
const endedArrivalsMax = 8_192;

/** The home wants to know where its domain is; `giveUp`: and that it does not run here later. */
export function receiveLocate(
  turn: Turn,
  from: HostId,
  message: SettlementMessage & { kind: 'locate' },
): void {
  const { state } = turn;
  const { settlement, domain, question, giveUp } = message;
  state.locating.set(settlement, { asker: from, question });
  const coming = [...state.reservations.values()].filter((one) => one.domain === domain);
  // From another home by now: whoever asks this has been left behind, and decides nothing here any more.
  const isItsHome = coming.every(({ home }) => home === from);
  if (!giveUp || !isItsHome || state.endedArrivals.has(settlement)) {
    // Answered from the hypervisor's mouth, not from a sample: it decides where a domain is.
    turn.emit({ kind: 'inspect', settlement, domain });
    return;
  }
  // Nothing can have come by what our own side has only asked for.
  const open = coming.filter((one) => one.settlement === settlement || one.phase !== 'asking');
  for (const reservation of open)
    if (reservation.phase !== 'arrived') refuse(turn, reservation, 'its home gave it up');
  // Without room here nothing can be opened for it any more; what had been opened before is closed. While
  // another arrival of the domain is open, what comes is not told apart: that one is ended first.
  if (open.every((one) => one.settlement === settlement && one.phase === 'arrived'))
    turn.emit({ kind: 'refuseArrival', settlement, domain });
}

/** From here on, durably, nothing is let in by this settlement; what has come is ended. */
export function refuse(turn: Turn, reservation: Reservation, why: string): void {
  const { settlement, domain } = reservation;
  if (reservation.phase !== 'refusing')
    setReservation(turn, { ...reservation, phase: 'refusing', why });
  turn.due(`refuse ${settlement}`);
  turn.emit({ kind: 'refuseArrival', settlement, domain });
}

/** Our own hypervisor's word about an arrival that it was to end. */
export function arrivalRefused(
  turn: Turn,
  settlement: SettlementId,
  domain: DomainId,
  outcome: RefusalOutcome,
): void {
  const { state } = turn;
  const reservation = state.reservations.get(settlement);
  // It runs here: the next sample takes it in, reservation and all.
  if (outcome === 'running') {
    answerLocate(turn, settlement, domain, { state: 'running' });
    return;
  }
  // Without room kept for it nothing can be opened for this settlement any more, and that is durable already.
  const isCertain = outcome === 'refused' || reservation?.opened === false;
  if (isCertain && reservation !== undefined) endArrival(turn, reservation, 'refused');
  if (reservation?.phase === 'refusing')
    release(turn, reservation, reservation.why ?? 'it was given up');
  answer(turn, settlement, domain, 'absent', wordOf(turn, settlement, outcome));
}

/** Our own hypervisor's answer to a question of where a domain is. */
export function answerLocate(
  turn: Turn,
  settlement: SettlementId,
  domain: DomainId,
  presence: DomainPresence,
): void {
  const located = toLocated(presence);
  const otherwise = located === 'running' ? whileRunning(turn, settlement) : 'open';
  answer(turn, settlement, domain, located, wordOf(turn, settlement, otherwise));
}

/** Remembers how an arrival ended. What has been said once is not changed: its home has built on it. */
export function endArrival(
  turn: Turn,
  { settlement, domain, home, opened }: Reservation,
  ended: 'arrived' | 'refused',
): void {
  const { endedArrivals } = turn.state;
  if (endedArrivals.has(settlement)) return;
  const unopened = opened === false && ended === 'refused';
  const value = { settlement, domain, home, ended, ...(unopened ? { unopened } : {}) };
  endedArrivals.set(settlement, value);
  turn.record({ kind: 'arrival', key: settlement, value });
  const [oldest] = endedArrivals.keys();
  if (endedArrivals.size <= endedArrivalsMax || oldest === undefined) return;
  endedArrivals.delete(oldest);
  turn.record({ kind: 'arrival', key: oldest, value: null });
}

/**
 * It runs here and nothing is written down about this settlement. With room kept for it, the next measurement takes
 * the domain in and tells; without, it came in another way, or by this one before that was forgotten.
 */
function whileRunning(turn: Turn, settlement: SettlementId): ArrivalWord {
  return turn.state.reservations.has(settlement) ? 'open' : 'unclear';
}

function wordOf(turn: Turn, settlement: SettlementId, otherwise: ArrivalWord): ArrivalWord {
  return turn.state.endedArrivals.get(settlement)?.ended ?? otherwise;
}

function answer(
  turn: Turn,
  settlement: SettlementId,
  domain: DomainId,
  presence: Located,
  arrival: ArrivalWord,
): void {
  const { locating } = turn.state;
  const waiting = locating.get(settlement);
  if (waiting === undefined) return;
  locating.delete(settlement);
  const { asker, question } = waiting;
  turn.send(asker, { kind: 'located', settlement, domain, presence, arrival, question });
}

function toLocated(presence: DomainPresence): Located {
  switch (presence.state) {
    case 'running':
    case 'migrating-out':
      return 'running';
    default:
      return presence.state;
  }
}
