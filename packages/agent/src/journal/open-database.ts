/**
 * Opens the journal's database, or says why not. A journal holds promises to other hosts, so it is never
 * guessed at: what is damaged, foreign, newer than this program or open elsewhere is left untouched.
 *
 * The file is locked for as long as it is open (locking_mode=EXCLUSIVE, a POSIX lock that the kernel drops
 * with the process). Nothing else in this process may open the file meanwhile: closing any second
 * descriptor would drop the lock (sqlite.org/howtocorrupt.html, 2.2).
 */

import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { failure, type Result, success } from '../result.ts';
import { reasonOf, sqliteFault } from './journal-error.ts';

/** "Brtr": tells a journal from any other SQLite file. */
const applicationId = 0x42727472;
/** Grows with every change of the tables; an older program refuses a newer journal. */
const schemaVersion = 1;

const schema = `
  CREATE TABLE record (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (kind, key)
  ) STRICT;
  CREATE TABLE receipt (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL
  ) STRICT;
  CREATE INDEX receipt_by_kind ON receipt (kind, sequence);
  CREATE TABLE owner (host TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

export type OpenOptions = Readonly<{
  /** The file; its directory is created (0700), the file readable by its owner alone. */
  path: string;
  /** The host that writes it. A journal of another host is refused: its promises are not ours. */
  host: string;
  /** Appends fail beyond this size. */
  bytesMax: number;
}>;

/**
 * Codes: `journal-locked`, `journal-damaged`, `journal-foreign`, `journal-newer`, `journal-unusable`.
 */
export async function openDatabase(options: OpenOptions): Promise<Result<DatabaseSync>> {
  const { path } = options;
  // Loaded here so that programs which never open a journal also start on a Node without SQLite.
  const { DatabaseSync: Database } = await import('node:sqlite');
  let database: DatabaseSync | undefined;
  try {
    const prepared = prepareFile(path);
    if (!prepared.ok) return prepared;
    database = new Database(path, { timeout: 0 });
    const opened = configure(database, options);
    if (!opened.ok) database.close();
    return opened;
  } catch (error) {
    if (database?.isOpen) database.close();
    return explain(path, error);
  }
}

function prepareFile(path: string): Result<null> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const isEmpty = !existsSync(path) || statSync(path).size === 0;
  const log = `${path}-wal`;
  if (isEmpty && existsSync(log) && statSync(log).size > 0) {
    // SQLite would delete the log of a database that is gone, and acknowledged records with it.
    return damaged(path, 'the file is gone or empty, but its write-ahead log is not');
  }
  // SQLite gives its log the same permissions as the file.
  if (!existsSync(path)) closeSync(openSync(path, 'ax', 0o600));
  return success(null);
}

function configure(database: DatabaseSync, options: OpenOptions): Result<DatabaseSync> {
  const { path, host, bytesMax } = options;
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF');
  // The first access takes the lock; everything before it may not touch the file.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT');
  const check = database.prepare('PRAGMA integrity_check(1)').get();
  if (check?.integrity_check !== 'ok') return damaged(path, String(check?.integrity_check));
  const { application_id: id } = database.prepare('PRAGMA application_id').get() ?? {};
  const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
  const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {};
  if (tables === 0) {
    database.exec(`BEGIN; ${schema}`);
    database.prepare('INSERT INTO owner (host) VALUES (?)').run(host);
    database.exec('COMMIT');
  } else if (id !== applicationId) {
    return failure('journal-foreign', `${path} is not a journal of Barter: name another directory`);
  } else if (Number(version) > schemaVersion) {
    return failure(
      'journal-newer',
      `${path} was written by a newer Barter (journal version ${version}, this one knows ${schemaVersion}): install that version again`,
    );
  }
  const owner = database.prepare('SELECT host FROM owner').get()?.host;
  if (owner !== host) return foreign(path, String(owner), host);
  const { page_size: pageSize } = database.prepare('PRAGMA page_size').get() ?? {};
  database.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / Number(pageSize))}`);
  return success(database);
}

function explain(path: string, error: unknown): Result<DatabaseSync> {
  switch (sqliteFault(error)) {
    case 'busy':
      return failure(
        'journal-locked',
        `the journal ${path} is in use by another process: is another agent running on this host?`,
      );
    case 'damaged':
    case 'not-a-database':
      return damaged(path, reasonOf(error));
    case 'full':
      return failure('journal-unusable', `cannot open the journal ${path}: the disk is full`);
    default:
      return failure(
        'journal-unusable',
        `cannot open the journal ${path}: ${reasonOf(error)}; check that the directory is on a local disk and writable`,
      );
  }
}

function damaged(path: string, reason: string): Result<never> {
  return failure(
    'journal-damaged',
    `the journal ${path} is damaged (${reason}) and was left as it is: restore it from a backup, or move it and its -wal file away to start without memory once \`barter status\` on the other hosts shows no open deal with this one`,
  );
}

function foreign(path: string, owner: string, host: string): Result<never> {
  return failure(
    'journal-foreign',
    `the journal ${path} belongs to host ${owner}, and this host's key says ${host}: restore that host's key, or move the journal away if this is a new host`,
  );
}
