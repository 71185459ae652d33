/**
 * An operator's word that a domain which is held here at its hand-over does not run at its target, and never ran there.
 * The home cannot find that out where the target is gone for ever, or cannot tell; with the word, which is durable first,
 * the copy here runs on.
 *
 * The rule: the word counts for what nobody can tell, and for nothing else. A target that can be asked is asked, and what
 * it has said stands: `arrived` outranks every word, before it and after it, until the copy here runs. When that runs, the
 * target is asked once more, whenever it comes back: where both run, the migration is in doubt again, and nothing is ended.
 */

import { takeBack } from '../claims/coming-home.ts';
import { setHome } from '../claims/registers.ts';
import type { DomainId, SettlementId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { carryOut, setSettlement, toResolving } from './ending.ts';
import { settlementOf, whyOtherTarget, whyStillLookedInto, whyStillMigrating } from './in-doubt.ts';
import { askTarget, lastHeard } from './questioning.ts';
import type { Settlement } from './settlement.ts';

/** Why nobody needs to vouch for anything: the domain is not held here, or not by this. null when it is. One sentence. */
export function whyNotHeld(state: HostState, settlement: Settlement): string | null {
  const whyNot = whyStillMigrating(settlement) ?? whyStillLookedInto(settlement);
  if (whyNot !== null) return whyNot;
  const { settlement: id, name, detail } = settlement;
  return state.questions.get(id)?.here === 'left'
    ? null
    : `${name} is not held paused here by its migration (${detail})`;
}

/** Why the word about this host does not count; null when it does. One sentence. */
export function whyNotVouched(
  state: HostState,
  settlement: Settlement,
  target: string,
  nowMs: number,
): string | null {
  const { settlement: id, name, to } = settlement;
  const toName = state.directory.hostName(to);
  const whyNot = whyOtherTarget(state, settlement, target) ?? whyNotHeld(state, settlement);
  if (whyNot !== null) return whyNot;
  if (state.located.get(id)?.there.arrival === 'arrived') return `${toName} has run ${name}`;
  const there = lastHeard(state, id, nowMs);
  if (there === null)
    return state.connected.has(to)
      ? `${toName} is connected, and has not answered yet: wait until it has, or stop its agent`
      : null;
  if (there.presence === 'absent' && there.arrival === 'unclear') return null;
  return `${toName} answers, and says that ${name} is ${there.presence} there (${there.arrival})`;
}

/** Takes the word, where it counts, and lets the copy here run on. */
export function takeWord(turn: Turn, domain: DomainId, target: string): void {
  const { state, nowMs } = turn;
  const settlement = settlementOf(state, domain);
  if (settlement === undefined || whyNotVouched(state, settlement, target, nowMs) !== null) return;
  const detail = `an operator says that it does not run on ${state.directory.hostName(settlement.to)}`;
  carryOut(turn, { ...settlement, vouched: true }, { kind: 'resume', detail });
}

/** Asks a target that was not heard before the word was taken, when it is back. False: nobody needs to be asked any more. */
export function tickWord(turn: Turn, settlement: Settlement): boolean {
  const { connected, information, config } = turn.state;
  const { settlement: id, to } = settlement;
  if (!isUnheard(settlement) || !information.others.has(to)) return false;
  if (connected.has(to) && turn.due(`word ${id}`, config.timing.inDoubtMs))
    askTarget(turn, settlement);
  return true;
}

/** What the target says of a migration that a word has ended. */
export function hearAfterWord(turn: Turn, id: SettlementId): void {
  const { state, nowMs } = turn;
  const settlement = state.settlements.get(id);
  const heard = state.located.get(id);
  if (settlement === undefined || !isUnheard(settlement) || heard?.atMs !== nowMs) return;
  const { name, domain, to } = settlement;
  const { presence, arrival } = heard.there;
  const toName = state.directory.hostName(to);
  const entry = state.homes.get(domain);
  if (presence === 'running' && entry !== undefined) {
    // On its way to somewhere by another migration: that one ends first.
    if (entry.settlement === null) reopen(turn, settlement, `${toName} says that it runs there`);
    return;
  }
  // Whatever waits there is given up: it hears how the migration ended.
  if (presence !== 'absent' && presence !== 'running') return;
  if (arrival === 'arrived')
    turn.log(
      'warn',
      'word-wrong',
      `${name} had run on ${toName} before it ran on here by an operator's word: look after its disks.`,
      { settlement: id, domain },
    );
  setSettlement(turn, withoutWord(settlement));
  forgetQuestions(state, id);
}

function isUnheard({ phase, vouched }: Settlement): boolean {
  return phase === 'failed' && vouched === true;
}

/** It may run twice: in doubt again, and neither traded nor moved before somebody has looked. */
function reopen(turn: Turn, settlement: Settlement, detail: string): void {
  const { homes, config } = turn.state;
  const { settlement: id, domain } = settlement;
  const entry = homes.get(domain);
  if (entry === undefined) return;
  if (entry.holder === config.self) setHome(turn, { ...entry, settlement: id });
  else takeBack(turn, { ...entry, settlement: id }, detail);
  toResolving(turn, { ...withoutWord(settlement), endedAtMs: null }, detail);
}

function withoutWord(settlement: Settlement): Settlement {
  const { vouched: _, decided: __, ...rest } = settlement;
  return rest;
}

function forgetQuestions({ questions, located, saidAtMs }: HostState, id: SettlementId): void {
  questions.delete(id);
  located.delete(id);
  saidAtMs.delete(`word ${id}`);
}
