/**
 * What is durable on one host, kept by watching what is appended. Checkers ask this and not the journal, so that
 * they see what was promised by whom at any moment, also while an agent is down.
 */

import type { JournalRecord } from '@barter/core';

type Kind = Exclude<JournalRecord['kind'], 'receipt' | 'settings'>;
type ValueOf<K extends Kind> = NonNullable<Extract<JournalRecord, { kind: K }>['value']>;
export type ReceiptOf = Extract<JournalRecord, { kind: 'receipt' }>['value'];

export class Records {
  readonly #byKind = new Map<Kind, Map<string, unknown>>();
  readonly receipts: ReceiptOf[] = [];

  apply(records: readonly JournalRecord[]): void {
    for (const record of records) {
      if (record.kind === 'receipt') this.receipts.push(record.value);
      else if (record.kind !== 'settings') {
        if (record.value === null) this.#of(record.kind).delete(record.key);
        else this.#of(record.kind).set(record.key, record.value);
      }
    }
  }

  get<K extends Kind>(kind: K, key: string): ValueOf<K> | undefined {
    return this.#of(kind).get(key) as ValueOf<K> | undefined;
  }

  all<K extends Kind>(kind: K): readonly ValueOf<K>[] {
    return [...this.#of(kind).values()] as ValueOf<K>[];
  }

  #of(kind: Kind): Map<string, unknown> {
    let map = this.#byKind.get(kind);
    if (map === undefined) {
      map = new Map();
      this.#byKind.set(kind, map);
    }
    return map;
  }
}
