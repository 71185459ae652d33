/**
 * What the home knows of the target's side of a migration in doubt: questions go out with growing numbers, and
 * only answers to them count, in that order.
 *
 * The rule: an answer says how things were when it was given. When our own hypervisor tells something new,
 * answers to earlier questions are void; an answer that was overtaken by a later one is too.
 */

import type { SettlementMessage } from '../message.ts';
import type { SettlementId } from '../model/model.ts';
import type { DomainPresence } from '../model/presence.ts';
import type { HostState, Turn } from '../state.ts';
import type { Settlement, There } from './settlement.ts';

/** Asks the target of a migration in doubt once more. */
export function askTarget(turn: Turn, { settlement, domain, to }: Settlement): void {
  const { questions } = turn.state;
  const before = questions.get(settlement);
  // Begun at the clock: answers to a question of before a restart are below it, or as good as the new ones.
  const question = Math.max(turn.nowMs, (before?.last ?? 0) + 1);
  const giveUp = before?.giveUp ?? false;
  const first = before?.first ?? question;
  questions.set(settlement, { first, last: question, here: before?.here ?? '', giveUp });
  turn.send(to, { kind: 'locate', settlement, domain, question, giveUp });
}

/** Takes an answer in, unless it is stale. */
export function hearTarget(turn: Turn, message: SettlementMessage & { kind: 'located' }): void {
  const { located, questions } = turn.state;
  const { settlement, presence, arrival, question } = message;
  const isUnasked = question === 0 && presence === 'running';
  const asked = questions.get(settlement);
  const isAsked = asked !== undefined && question >= asked.first && question <= asked.last;
  const heard = located.get(settlement);
  if (!isUnasked && (!isAsked || question < (heard?.question ?? 0))) return;
  located.set(settlement, { there: { presence, arrival }, question, atMs: turn.nowMs });
}

/** What the target says now; null when it has not answered lately. `here` is our own hypervisor's word. */
export function whatTargetSays(
  turn: Turn,
  settlement: Settlement,
  here: DomainPresence,
): There | null {
  const { state, nowMs } = turn;
  const { settlement: id } = settlement;
  const asked = state.questions.get(id);
  const isLeft = here.state === 'paused' && here.byMigration;
  const said = isLeft ? 'left' : here.state;
  if (asked !== undefined && asked.here !== said) {
    const isFirst = asked.here === '';
    const first = isFirst ? asked.first : asked.last + 1;
    state.questions.set(id, { ...asked, first, here: said, giveUp: false });
    if (!isFirst && state.located.get(id)?.there.arrival !== 'arrived') state.located.delete(id);
  }
  // It has run there: that stays true, whoever can be asked. Unless somebody has brought it back by now.
  const isDecided = settlement.decided === 'clear';
  if (isDecided && here.state !== 'running') return { presence: 'running', arrival: 'arrived' };
  const heard = lastHeard(state, id, nowMs);
  const hasRun = isDecided || state.located.get(id)?.there.arrival === 'arrived';
  // What the target's journal has lost, or had never seen, changes nothing about it.
  if (heard !== null) return hasRun ? { ...heard, arrival: 'arrived' } : heard;
  // Where it is now is not known; that it has run there is enough where nothing is left here.
  const isHere = here.state === 'paused' || (here.state === 'absent' && here.defined);
  return hasRun && !isHere ? { presence: 'absent', arrival: 'arrived' } : null;
}

/** The target's last answer; null when that is too old to say anything about now. */
export function lastHeard(
  { located, config }: HostState,
  settlement: SettlementId,
  nowMs: number,
): There | null {
  const heard = located.get(settlement);
  if (heard === undefined || nowMs - heard.atMs > 5 * config.timing.resendMs) return null;
  return heard.there;
}
