/**
 * The `Journal` port in memory. What was appended survives a crash of the simulated host; what was
 * not appended does not exist. It can be made to fail, the way a full or dying disk does.
 */

import type { Journal, JournalRecord } from '@barter/core';

type ReceiptRecord = Extract<JournalRecord, { kind: 'receipt' }>;

/** History is for people: the newest are enough. */
const receiptsMax = 10_000;

export class SimJournal implements Journal {
  /** A Map keeps the order of insertion: deleting before setting makes it the order of the last write. */
  readonly #records = new Map<string, JournalRecord>();
  readonly #receipts: ReceiptRecord[] = [];
  #failures = 0;
  #failure = 'The disk is full.';
  appends = 0;

  append(records: readonly JournalRecord[]): Promise<void> {
    try {
      this.appendNow(structuredClone(records));
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The same at once and without copying, for simulations that keep no promises: the core never
   * changes a value that it has handed out. Throws when the disk is made to fail.
   */
  appendNow(records: readonly JournalRecord[]): void {
    if (this.#failures > 0) {
      this.#failures--;
      throw new Error(this.#failure);
    }
    this.appends++;
    for (const record of records) {
      if (record.kind === 'receipt') {
        this.#receipts.push(record);
        if (this.#receipts.length > receiptsMax) this.#receipts.shift();
        continue;
      }
      const key = `${record.kind}/${record.key}`;
      this.#records.delete(key);
      if (record.value !== null) this.#records.set(key, record);
    }
  }

  async load(): Promise<readonly JournalRecord[]> {
    return this.loadNow();
  }

  loadNow(): readonly JournalRecord[] {
    return [...this.#records.values()];
  }

  /** The newest receipts, oldest first. */
  receipts(): readonly ReceiptRecord[] {
    return this.#receipts;
  }

  /** The next `count` appends fail, and none of their records is kept. */
  failNext(count: number, message = 'The disk is full.'): void {
    this.#failures = count;
    this.#failure = message;
  }
}
