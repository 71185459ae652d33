// Prints what one durable append of a 500-byte record costs: `node append-cost.ts [DIRECTORY]`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord } from '@barter/core';
import { SqliteJournal } from '../../src/journal/sqlite-journal.ts';

const directory = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'barter-journal-'));
const opened = await SqliteJournal.open({ path: join(directory, 'journal.db'), host: 'host-a' });
if (!opened.ok) throw new Error(opened.message);
const costs: number[] = [];
for (let number = 0; number < 2000; number += 1) {
  const value = { text: 'x'.repeat(480) };
  const record = { kind: 'home', key: `k${number % 100}`, value } as never as JournalRecord;
  const startedAt = performance.now();
  await opened.value.append([record]);
  costs.push((performance.now() - startedAt) * 1000);
}
costs.sort((a, b) => a - b);
const at = (share: number) => Math.round(costs[Math.floor(costs.length * share)] ?? 0);
console.log(`append of 500 bytes: p50 ${at(0.5)} µs, p95 ${at(0.95)} µs, p99 ${at(0.99)} µs`);
await opened.value.close();
await rm(directory, { recursive: true });
