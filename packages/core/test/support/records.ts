/** What a register or a journal holds of one migration, where a test does not care for the rest. */

import type { HomeEntry } from '../../src/claims/claim.ts';
import type { Settlement } from '../../src/settlement/settlement.ts';
import { GIB } from './world.ts';

/** A domain at home that has never moved. */
export function homeEntryOf(
  entry: Pick<HomeEntry, 'domain' | 'name' | 'version' | 'holder' | 'settlement'> &
    Partial<HomeEntry>,
): HomeEntry {
  return {
    leaseExpiresAtMs: null,
    movedAtMs: null,
    restsUntilMs: 0,
    restReason: '',
    failures: 0,
    carriedRow: [],
    approval: null,
    policy: {},
    ...entry,
  };
}

/** A migration of a guest of 1 GiB that has not ended. */
export function settlementRecordOf(
  record: Pick<Settlement, 'settlement' | 'domain' | 'name' | 'to' | 'version' | 'phase'>,
): Settlement {
  return {
    startedAtMs: 0,
    endedAtMs: null,
    expectedBytes: GIB,
    detail: '',
    statistics: null,
    unresolvedSinceMs: null,
    ...record,
  };
}
