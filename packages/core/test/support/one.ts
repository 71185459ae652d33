/** One host of the core alone: what it makes durable and says, step by step, and a migration whose end is in doubt. */

import { createHost, type HostEvent, step } from '../../src/host.ts';
import type { SettlementMessage } from '../../src/message.ts';
import type { SettlementId } from '../../src/model/model.ts';
import type { DomainPresence } from '../../src/model/presence.ts';
import type { JournalRecord } from '../../src/record.ts';
import type { Reservation } from '../../src/settlement/settlement.ts';
import type { HostEffect, HostState } from '../../src/state.ts';
import { hostConfig } from './hosts.ts';
import { settlementRecordOf } from './records.ts';
import { domainId, GIB, hostId, traits as traitsWith } from './world.ts';

export const [home, target, stranger] = [hostId('home'), hostId('target'), hostId('stranger')];
export const domain = domainId('vm1');
export const settlement = 's1' as SettlementId;

type Without<Event> = Event extends HostEvent ? Omit<Event, 'nowMs'> : never;

/** One host, and everything it ever did. */
export class One {
  state: HostState;
  nowMs = 1_000_000;
  readonly journal = new Map<string, JournalRecord>();
  readonly #name: string;

  constructor(name: string, records: readonly JournalRecord[]) {
    this.#name = name;
    for (const record of records) this.#keep(record);
    this.state = createHost(hostConfig(name), records, 'auto');
  }

  take(event: Without<HostEvent>): readonly HostEffect[] {
    const { effects } = step(this.state, { ...event, nowMs: this.nowMs } as HostEvent);
    for (const effect of effects)
      if (effect.kind === 'persist') for (const record of effect.records) this.#keep(record);
    return effects;
  }

  hears(from: typeof home, message: SettlementMessage): readonly HostEffect[] {
    return this.take({ kind: 'messageReceived', from, message });
  }

  ticks(): readonly HostEffect[] {
    this.nowMs += 1_000;
    return this.take({ kind: 'ticked', random: [0.5, 0.5, 0.5, 0.5] });
  }

  /** The agent dies, and starts again from its journal. */
  restart(): void {
    const records = [...this.journal.values()];
    this.state = createHost(hostConfig(this.#name), records, 'auto');
    this.take({ kind: 'restarted' });
  }

  #keep(record: JournalRecord): void {
    this.journal.set(`${record.kind} ${record.key}`, record);
  }
}

export const traits = traitsWith({ name: 'vm1', memoryBytes: GIB, migrationBytes: GIB, cpu: 0 });
export const reservation: Reservation = {
  settlement,
  domain,
  home,
  version: 7,
  traits,
  row: [],
  phase: 'arriving',
  startedAtMs: 0,
  leaseExpiresAtMs: 2_000_000,
};
export const inDoubt = settlementRecordOf({
  settlement,
  domain,
  name: 'vm1',
  to: target,
  version: 7,
  phase: 'resolving',
});

export const kinds = (effects: readonly HostEffect[]) =>
  effects.filter(({ kind }) => kind !== 'log').map(({ kind }) => kind);
export const said = (effects: readonly HostEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
export const locate = (question: number, giveUp = true): SettlementMessage => ({
  kind: 'locate',
  settlement,
  domain,
  question,
  giveUp,
});

/** What a hypervisor shows of a copy that a migration has left behind, paused. */
export const left: DomainPresence = { state: 'paused', detail: 'left', byMigration: true };
