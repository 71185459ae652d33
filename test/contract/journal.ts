/**
 * What every journal keeps: the last record of each kind and key, batches whole or not at all, and after
 * a crash everything that was acknowledged. Runs on the SQLite journal and on the simulated one.
 */

import type { DealId, HostId, Journal, JournalRecord } from '@barter/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export type JournalHarness = Readonly<{
  journal: Journal;
  /** Ends the process that holds the journal, without any farewell, and opens what is left. */
  crash(): Promise<Journal>;
  dispose(): Promise<void>;
}>;

/** Values are opaque to a journal: these only have to be told apart. */
function home(key: string, value: unknown): JournalRecord {
  return { kind: 'home', key, value } as JournalRecord;
}

function holding(key: string, value: unknown): JournalRecord {
  return { kind: 'holding', key, value } as JournalRecord;
}

function receipt(key: string, atMs: number): JournalRecord {
  return {
    kind: 'receipt',
    key,
    value: {
      kind: 'deal',
      atMs,
      deal: key as DealId,
      role: 'proposer',
      peer: 'peer' as HostId,
      phase: 'done',
      give: [],
      take: [],
      gainBitsPerSecond: 1,
      detail: 'both sides agreed',
    },
  };
}

export function journalContract(name: string, setup: () => Promise<JournalHarness>): void {
  describe(`${name} keeps the contract of a journal`, () => {
    let harness: JournalHarness;
    beforeEach(async () => {
      harness = await setup();
    });
    afterEach(async () => {
      await harness.dispose();
    });

    it('remembers nothing at first', async () => {
      expect(await harness.journal.load()).toEqual([]);
      await harness.journal.append([]);
      expect(await harness.journal.load()).toEqual([]);
    });

    it('keeps the last record of each kind and key, in the order of the last writes', async () => {
      const { journal } = harness;
      await journal.append([home('a', { version: 1 }), home('b', { version: 1 })]);
      await journal.append([holding('a', { version: 7 })]);
      await journal.append([home('a', { version: 2 })]);
      expect(await journal.load()).toEqual([
        home('b', { version: 1 }),
        holding('a', { version: 7 }),
        home('a', { version: 2 }),
      ]);
    });

    it('forgets a record that is set to null, and only that one', async () => {
      const { journal } = harness;
      await journal.append([home('a', { version: 1 }), holding('a', { version: 1 })]);
      await journal.append([home('a', null), home('never-there', null)]);
      expect(await journal.load()).toEqual([holding('a', { version: 1 })]);
      await journal.append([home('a', { version: 3 })]);
      expect(await journal.load()).toEqual([
        holding('a', { version: 1 }),
        home('a', { version: 3 }),
      ]);
    });

    it('within one batch the later record of a key wins', async () => {
      const { journal } = harness;
      await journal.append([home('a', { version: 1 }), home('a', null), home('a', { version: 2 })]);
      expect(await journal.load()).toEqual([home('a', { version: 2 })]);
    });

    it('returns values as they were, not as the caller changed them later', async () => {
      const { journal } = harness;
      const value = { name: 'vm "ü" \u0000 €', list: [1, 2.5, null], deep: { yes: true } };
      await journal.append([home('a', value)]);
      value.list.push(3);
      expect(await journal.load()).toEqual([
        home('a', { name: 'vm "ü" \u0000 €', list: [1, 2.5, null], deep: { yes: true } }),
      ]);
    });

    it('does not bring receipts back: they are history', async () => {
      const { journal } = harness;
      await journal.append([home('a', { version: 1 }), receipt('r1', 1)]);
      expect(await journal.load()).toEqual([home('a', { version: 1 })]);
    });

    it('loses nothing that was acknowledged when its process dies', async () => {
      await harness.journal.append([home('a', { version: 1 }), home('b', { version: 1 })]);
      await harness.journal.append([home('a', null), holding('c', { version: 5 })]);
      const journal = await harness.crash();
      expect(await journal.load()).toEqual([
        home('b', { version: 1 }),
        holding('c', { version: 5 }),
      ]);
      await journal.append([home('d', { version: 1 })]);
      expect(await journal.load()).toHaveLength(3);
    });

    it('behaves like a map, whatever is appended', async () => {
      const { journal } = harness;
      const write = fc.record({
        kind: fc.constantFrom('home' as const, 'holding' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        value: fc.option(fc.record({ version: fc.nat() })),
      });
      const expected = new Map<string, JournalRecord>();
      for (const record of await journal.load()) expected.set(record.kind + record.key, record);
      await fc.assert(
        fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 6 }), async (batch) => {
          await journal.append(batch as JournalRecord[]);
          for (const record of batch as JournalRecord[]) {
            expected.delete(record.kind + record.key);
            if (record.value !== null) expected.set(record.kind + record.key, record);
          }
          expect(await journal.load()).toEqual([...expected.values()]);
        }),
        { numRuns: 40 },
      );
    });
  });
}
