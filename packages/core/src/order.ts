/** What an operator orders of this host. Takes effect at once and outlives a restart. */

import { rested } from './claims/claim.ts';
import { takeBack } from './claims/coming-home.ts';
import { setHome } from './claims/registers.ts';
import type { Settings } from './config.ts';
import type { DomainId, Mode } from './model/model.ts';
import { takeWord } from './settlement/operators-word.ts';
import { abortMigration } from './settlement/sending.ts';
import { endUnseen } from './settlement/target-gone.ts';
import type { Turn } from './state.ts';

export type Order =
  | Readonly<{ order: 'mode'; mode: Mode }>
  /** No new deals and no new migrations; what is under way ends. */
  | Readonly<{ order: 'stop' | 'resume' }>
  /** No new deals and settlements until the next start: the agent is about to end. Not durable. */
  | Readonly<{ order: 'pause' }>
  /** The recommended move of a domain at home here. */
  | Readonly<{ order: 'approve' | 'reject'; domain: DomainId }>
  | Readonly<{ order: 'abort-migration'; domain: DomainId }>
  /** Of a migration whose end nobody saw: its target is gone for ever. */
  | Readonly<{ order: 'target-gone'; domain: DomainId; target: string }>
  /** Of one that is held at its hand-over: it does not run at its target and never ran there. */
  | Readonly<{ order: 'let-run-on'; domain: DomainId; target: string }>;

export function obey(turn: Turn, order: Order): void {
  const { state } = turn;
  switch (order.order) {
    case 'mode':
      set(turn, { mode: order.mode });
      turn.log('info', 'mode', `The mode is ${order.mode} now.`);
      return;
    case 'stop':
      set(turn, { stopped: true });
      turn.log('warn', 'stopped', 'Stopped by an operator: no new deals and migrations.');
      return;
    case 'resume':
      set(turn, { stopped: false });
      turn.log('info', 'resumed', 'Resumed by an operator.');
      return;
    case 'pause':
      state.pausing = true;
      state.nextSummaryAtMs = 0;
      return;
    case 'approve':
    case 'reject':
      judge(turn, order.domain, order.order === 'approve');
      return;
    case 'abort-migration':
      abortMigration(turn, order.domain);
      return;
    case 'target-gone':
      endUnseen(turn, order.domain, order.target);
      return;
    case 'let-run-on':
      takeWord(turn, order.domain, order.target);
  }
}

function set(turn: Turn, change: Partial<Settings>): void {
  const { state } = turn;
  state.settings = { ...state.settings, ...change };
  state.nextSummaryAtMs = 0;
  turn.record({ kind: 'settings', key: 'settings', value: state.settings });
}

function judge(turn: Turn, domain: DomainId, approved: boolean): void {
  const { state, nowMs } = turn;
  const entry = state.homes.get(domain);
  if (entry === undefined || entry.holder === state.config.self) return;
  if (approved) {
    setHome(turn, { ...entry, approval: { version: entry.version, approved } });
    return;
  }
  if (entry.settlement !== null) {
    turn.log('warn', 'reject-late', `${entry.name} is migrating already: abort that instead.`, {
      domain,
    });
    return;
  }
  const { cooldownMs } = state.config.timing;
  const restReason = 'an operator rejected its move';
  takeBack(turn, rested(entry, nowMs + cooldownMs, restReason), restReason);
}
