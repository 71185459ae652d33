// Appends batches until it is killed, and says after each one that it is durable: the number of the batch.
import { writeSync } from 'node:fs';
import type { JournalRecord } from '@barter/core';
import { SqliteJournal } from '../../src/journal/sqlite-journal.ts';

const [path = '', first = '0'] = process.argv.slice(2);
const opened = await SqliteJournal.open({ path, host: 'host-a' });
if (!opened.ok) {
  console.error(opened.code);
  process.exit(1);
}
for (let batch = Number(first); ; batch += 1) {
  await opened.value.append(
    ['left', 'right'].map(
      (side) =>
        ({ kind: 'home', key: `${side}-${batch}`, value: { batch } }) as never as JournalRecord,
    ),
  );
  writeSync(1, `${batch}\n`);
}
