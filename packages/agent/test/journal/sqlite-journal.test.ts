import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { JournalRecord, Receipt } from '@barter/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JournalOptions, SqliteJournal } from '../../src/journal/sqlite-journal.ts';

function home(key: string, value: unknown): JournalRecord {
  return { kind: 'home', key, value } as JournalRecord;
}

function fact(number: number): JournalRecord {
  const value = { kind: 'fact', atMs: number, domain: 'vm', detail: `fact ${number}` } as Receipt;
  return { kind: 'receipt', key: `fact ${number}`, value };
}

function moved(number: number): JournalRecord {
  const value = { kind: 'move', atMs: number, domain: 'vm', moved: true } as Receipt;
  return { kind: 'receipt', key: `move ${number}`, value };
}

describe('the journal on disk', () => {
  let directory: string;
  let path: string;
  const opened: SqliteJournal[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-journal-'));
    path = join(directory, 'state', 'journal.db');
  });
  afterEach(async () => {
    for (const journal of opened.splice(0)) await journal.close();
    await rm(directory, { recursive: true });
  });

  async function open(options: Partial<JournalOptions> = {}): Promise<SqliteJournal> {
    const result = await SqliteJournal.open({ path, host: 'host-a', ...options });
    if (!result.ok) throw new Error(result.message);
    opened.push(result.value);
    return result.value;
  }

  const tryOpen = (host = 'host-a') => SqliteJournal.open({ path, host });

  it('is readable by its owner alone', async () => {
    const journal = await open();
    await journal.append([home('a', { version: 1 })]);
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'state')).mode & 0o777).toBe(0o700);
  });

  it('keeps receipts as history: newest first, by kind, also after reopening', async () => {
    const journal = await open();
    await journal.append([fact(1), moved(2)]);
    await journal.append([fact(3)]);
    await journal.close();
    const again = await open();
    const times = (receipts: readonly Receipt[]) => receipts.map(({ atMs }) => atMs);
    expect(times(again.receipts({ limit: 10 }))).toEqual([3, 2, 1]);
    expect(times(again.receipts({ kind: 'fact', limit: 10 }))).toEqual([3, 1]);
    expect(times(again.receipts({ limit: 1 }))).toEqual([3]);
  });

  it('keeps as many receipts as it was told to, the newest', async () => {
    const journal = await open({ receiptsMax: 5 });
    for (let number = 1; number <= 50; number += 1) await journal.append([fact(number)]);
    expect(journal.receipts({ limit: 100 }).map(({ atMs }) => atMs)).toEqual([50, 49, 48, 47, 46]);
  });

  it('writes a receipt together with the decision, or neither', async () => {
    const journal = await open({ bytesMax: 128 * 1024 });
    const big = home('big', 'x'.repeat(200_000));
    await expect(journal.append([home('a', { version: 1 }), fact(1), big])).rejects.toMatchObject({
      code: 'journal-full',
    });
    expect(await journal.load()).toEqual([]);
    expect(journal.receipts({ limit: 1 })).toEqual([]);
  });

  it('rejects what no longer fits, and goes on when there is room again', async () => {
    const journal = await open({ bytesMax: 256 * 1024 });
    const fill = async () => {
      for (let number = 0; ; number += 1)
        await journal.append([home(`k${number}`, 'x'.repeat(9_000))]);
    };
    await expect(fill()).rejects.toThrow(/cannot grow: free space/);
    const kept = await journal.load();
    await journal.append(kept.map(({ key }) => home(key, null)));
    await journal.append([home('after', { version: 1 })]);
    expect(await journal.load()).toEqual([home('after', { version: 1 })]);
  });

  it('rejects after it was closed, and may be closed twice', async () => {
    const journal = await open();
    await journal.close();
    await journal.close();
    await expect(journal.append([home('a', {})])).rejects.toMatchObject({ code: 'journal-closed' });
    await expect(journal.load()).rejects.toMatchObject({ code: 'journal-closed' });
  });

  it('is refused when damaged, says what to do, and stays untouched', async () => {
    const journal = await open();
    for (let number = 0; number < 200; number += 1)
      await journal.append([home(`k${number}`, 'x'.repeat(500))]);
    await journal.close();
    const bytes = await readFile(path);
    bytes.fill(0xa5, 8192, 20_000);
    await writeFile(path, bytes);
    const refused = await tryOpen();
    expect(refused).toMatchObject({ ok: false, code: 'journal-damaged' });
    expect(JSON.stringify(refused)).toContain('restore it from a backup');
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('is refused when cut short, or when it is something else altogether', async () => {
    const journal = await open();
    for (let number = 0; number < 50; number += 1)
      await journal.append([home(`k${number}`, 'x'.repeat(500))]);
    await journal.close();
    await truncate(path, 8192);
    expect(await tryOpen()).toMatchObject({ ok: false, code: 'journal-damaged' });
    await writeFile(path, 'this is a letter, not a journal\n'.repeat(300));
    expect(await tryOpen()).toMatchObject({ ok: false, code: 'journal-damaged' });
    await rm(path);
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE recipe (name TEXT)');
    other.close();
    expect(await tryOpen()).toMatchObject({ ok: false, code: 'journal-foreign' });
  });

  it('is refused when the file is gone and only its log is left', async () => {
    await (await open()).close();
    await rm(path);
    await writeFile(`${path}-wal`, 'acknowledged records');
    expect(await tryOpen()).toMatchObject({ ok: false, code: 'journal-damaged' });
    expect(existsSync(`${path}-wal`)).toBe(true);
  });

  it('is refused to another host and to an older program: its promises are not theirs', async () => {
    await (await open()).close();
    expect(await tryOpen('host-b')).toMatchObject({ ok: false, code: 'journal-foreign' });
    const later = new DatabaseSync(path);
    later.exec('PRAGMA user_version = 99');
    later.close();
    expect(await tryOpen()).toMatchObject({ ok: false, code: 'journal-newer' });
  });

  it('is refused with the reason when its directory cannot be made', async () => {
    await writeFile(join(directory, 'state'), 'a file in the way');
    expect(await tryOpen()).toMatchObject({ ok: false, code: 'journal-unusable' });
  });
});
