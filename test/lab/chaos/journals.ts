/** The agents' journals, read as files (agents stopped) and through the agents. */

import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Lab } from '../lab.ts';

export type JournalFinding = Readonly<{
  host: string;
  /** What SQLite's `PRAGMA integrity_check` says, `ok` when whole; or why the file does not open. */
  integrity: string;
  records: number;
  receipts: number;
  /** Keys of what was promised to last: the receipts. */
  keys: readonly string[];
}>;

/** Opens the journal of a host whose agent has ended. */
export function examineJournal(lab: Lab, host: string): JournalFinding {
  const path = lab.path(host, '/var/lib/barter/journal.sqlite');
  const none = { host, records: 0, receipts: 0, keys: [] };
  if (!existsSync(path)) return { ...none, integrity: 'there is no file' };
  try {
    // Not read-only: what is left in the write-ahead log belongs to it.
    const database = new DatabaseSync(path);
    try {
      const check = database.prepare('PRAGMA integrity_check').all();
      const integrity = check.map((row) => String(row.integrity_check)).join('; ');
      const records = Number(database.prepare('SELECT count(*) AS n FROM record').get()?.n);
      const keys = database.prepare('SELECT key, value FROM receipt ORDER BY sequence').all();
      for (const { value } of keys) JSON.parse(String(value));
      for (const { value } of database.prepare('SELECT value FROM record').all())
        JSON.parse(String(value));
      const known = keys.map(({ key }) => String(key));
      return { host, integrity, records, receipts: keys.length, keys: known };
    } finally {
      database.close();
    }
  } catch (error) {
    return { ...none, integrity: error instanceof Error ? error.message : String(error) };
  }
}

/** What the agents themselves told of their history while they ran, to be found in their journals at the end. */
export class History {
  readonly #lab: Lab;
  readonly #told = new Map<string, Set<string>>();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#next();
  }

  /** Settlements that a host's agent has ever shown as ended. */
  told(host: string): ReadonlySet<string> {
    return this.#told.get(host) ?? new Set();
  }

  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#asking;
  }

  #next(): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      this.#asking = this.#ask().then(() => this.#next());
    }, 10_000);
  }

  async #ask(): Promise<void> {
    for (const { id } of this.#lab.state.hosts) {
      if (!this.#lab.agentRunning(id)) continue;
      const moves = (await this.#lab.view(id, 'moves')) ?? [];
      const told = this.#told.get(id) ?? new Set();
      for (const { settlement, phase, endedAtMs } of moves)
        if (endedAtMs !== null) told.add(`move ${settlement} ${phase === 'moved'}`);
      this.#told.set(id, told);
    }
  }
}
