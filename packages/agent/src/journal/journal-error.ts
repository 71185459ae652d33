/** What SQLite says when it fails, as one code and one sentence about what to do. */

/** An append or a reading that failed. `code`: `journal-full`, `journal-failed`, `journal-closed`. */
export class JournalError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JournalError';
    this.code = code;
  }
}

export type SqliteFault = 'busy' | 'full' | 'damaged' | 'not-a-database' | 'read-only' | 'failed';

/** Primary result codes, sqlite.org/rescode.html; the extended part above the lowest byte is dropped. */
const faults: Readonly<Record<number, SqliteFault>> = {
  5: 'busy',
  6: 'busy',
  8: 'read-only',
  11: 'damaged',
  13: 'full',
  26: 'not-a-database',
};

export function sqliteFault(error: unknown): SqliteFault {
  const code = (error as { errcode?: unknown }).errcode;
  return (typeof code === 'number' ? faults[code & 0xff] : undefined) ?? 'failed';
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
