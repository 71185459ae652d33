/**
 * The journal on disk: the last record of each kind and key, and a bounded history of receipts.
 *
 * One append is one transaction, durable (fsync of the write-ahead log, synchronous=FULL) before the
 * promise resolves. A failed append leaves nothing behind. After a failure that leaves it open what is on
 * disk (an I/O error, damage), every later append is rejected too: the agent must stop and reopen.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Journal, JournalRecord, Receipt } from '@barter/core';
import { type Result, success } from '../result.ts';
import { JournalError, reasonOf, sqliteFault } from './journal-error.ts';
import { openDatabase } from './open-database.ts';

export type JournalOptions = Readonly<{
  path: string;
  /** This host's id. */
  host: string;
  /** How many receipts are kept; the oldest go first. */
  receiptsMax?: number;
  /** Appends fail with `journal-full` beyond this size. */
  bytesMax?: number;
}>;

export type ReceiptQuery = Readonly<{ kind?: Receipt['kind']; limit: number }>;

const defaultReceiptsMax = 20_000;
const defaultBytesMax = 512 * 1024 * 1024;

export class SqliteJournal implements Journal {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #receiptsMax: number;
  readonly #put: StatementSync;
  readonly #forget: StatementSync;
  readonly #keep: StatementSync;
  readonly #prune: StatementSync;
  #broken: JournalError | null = null;

  /** Codes: see `openDatabase`. The journal is locked until `close` or the end of the process. */
  static async open(options: JournalOptions): Promise<Result<SqliteJournal>> {
    const { path, host, bytesMax = defaultBytesMax } = options;
    const database = await openDatabase({ path, host, bytesMax });
    return database.ok ? success(new SqliteJournal(database.value, options)) : database;
  }

  private constructor(database: DatabaseSync, options: JournalOptions) {
    this.#path = options.path;
    this.#database = database;
    this.#receiptsMax = options.receiptsMax ?? defaultReceiptsMax;
    // REPLACE gives the row a new sequence, the highest: `load` returns the order of the last writes.
    this.#put = database.prepare('REPLACE INTO record (kind, key, value) VALUES (?, ?, ?)');
    this.#forget = database.prepare('DELETE FROM record WHERE kind = ? AND key = ?');
    this.#keep = database.prepare('REPLACE INTO receipt (kind, key, value) VALUES (?, ?, ?)');
    this.#prune = database.prepare(
      'DELETE FROM receipt WHERE sequence <= (SELECT max(sequence) FROM receipt) - ?',
    );
  }

  /** Rejects with a `JournalError` when the records are not durable; then none of them is. */
  async append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#broken) throw this.#broken;
    if (records.length === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const record of records) this.#write(record);
      this.#database.exec('COMMIT');
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Every live record in the order in which it was last written. Receipts are history: see `receipts`. */
  async load(): Promise<readonly JournalRecord[]> {
    const rows = this.#read('SELECT kind, key, value FROM record ORDER BY sequence');
    return rows.map(
      ({ kind, key, value }) => ({ kind, key, value: JSON.parse(String(value)) }) as JournalRecord,
    );
  }

  /** The newest receipts first. */
  receipts({ kind, limit }: ReceiptQuery): readonly Receipt[] {
    const where = kind === undefined ? '' : 'WHERE kind = ?';
    const rows = this.#read(
      `SELECT value FROM receipt ${where} ORDER BY sequence DESC LIMIT ?`,
      ...(kind === undefined ? [limit] : [kind, limit]),
    );
    return rows.map(({ value }) => JSON.parse(String(value)) as Receipt);
  }

  /** Folds the write-ahead log into the file and lets go of the lock. Safe to call twice. */
  async close(): Promise<void> {
    this.#broken ??= new JournalError('journal-closed', `the journal ${this.#path} is closed`);
    if (this.#database.isOpen) this.#database.close();
  }

  #write(record: JournalRecord): void {
    const { kind, key, value } = record;
    if (kind === 'receipt') {
      this.#keep.run(record.value.kind, key, JSON.stringify(value));
      this.#prune.run(this.#receiptsMax);
    } else if (value === null) {
      this.#forget.run(kind, key);
    } else {
      this.#put.run(kind, key, JSON.stringify(value));
    }
  }

  #read(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    if (this.#broken) throw this.#broken;
    try {
      return this.#database.prepare(sql).all(...values);
    } catch (error) {
      throw new JournalError(
        'journal-failed',
        `cannot read the journal ${this.#path}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  #failed(error: unknown): JournalError {
    const fault = sqliteFault(error);
    let isUndone = !this.#database.isTransaction;
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      isUndone = true;
    } catch {
      // Without a rollback nobody knows what the file holds.
    }
    if (fault === 'full' && isUndone) {
      // Nothing was written: once there is room again, appends succeed again.
      return new JournalError(
        'journal-full',
        `the journal ${this.#path} cannot grow: free space on its disk; until then this host makes no promises`,
        { cause: error },
      );
    }
    const failed = new JournalError(
      'journal-failed',
      `cannot write the journal ${this.#path}: ${reasonOf(error)}; check the disk, then restart the agent`,
      { cause: error },
    );
    this.#broken = failed;
    return failed;
  }
}
