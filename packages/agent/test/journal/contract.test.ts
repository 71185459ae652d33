import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalContract } from '../../../../test/contract/journal.ts';
import { SqliteJournal } from '../../src/journal/sqlite-journal.ts';

async function open(path: string): Promise<SqliteJournal> {
  const opened = await SqliteJournal.open({ path, host: 'host-a' });
  if (!opened.ok) throw new Error(opened.message);
  return opened.value;
}

// A crash is played by closing: what a real SIGKILL leaves behind is tried in kill.test.ts.
journalContract('SqliteJournal', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'barter-journal-'));
  const path = join(directory, 'journal.db');
  let journal = await open(path);
  return {
    journal,
    crash: async () => {
      await journal.close();
      journal = await open(path);
      return journal;
    },
    dispose: async () => {
      await journal.close();
      await rm(directory, { recursive: true });
    },
  };
});
