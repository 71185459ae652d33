/**
 * What a host remembers across a crash. The journal keeps the last record of each kind and key, in one
 * transaction per append; `value: null` forgets. Receipts are history: written once, kept for operators.
 */

import type { Holding, HomeEntry } from './claims/claim.ts';
import type { Settings } from './config.ts';
import type { Receipt } from './model/receipt.ts';
import type { EndedArrival, Reservation, Settlement } from './settlement/settlement.ts';
import type { Deal } from './trading/deal.ts';

export type JournalRecord =
  | Readonly<{ kind: 'deal'; key: string; value: Deal | null }>
  /** The register of the domains at home here. */
  | Readonly<{ kind: 'home'; key: string; value: HomeEntry | null }>
  /** The last version here of a domain that was at home here: should it come back, versions go on from it. */
  | Readonly<{ kind: 'former'; key: string; value: Readonly<{ version: number }> | null }>
  /** Claims held here on domains at home elsewhere. */
  | Readonly<{ kind: 'holding'; key: string; value: Holding | null }>
  /** Migrations out of here, from the promise to the receipt. */
  | Readonly<{ kind: 'settlement'; key: string; value: Settlement | null }>
  /** Room kept here for a domain that is to arrive. */
  | Readonly<{ kind: 'reservation'; key: string; value: Reservation | null }>
  /** How an arrival here ended for good: its home may build on it. */
  | Readonly<{ kind: 'arrival'; key: string; value: EndedArrival | null }>
  | Readonly<{ kind: 'settings'; key: 'settings'; value: Settings }>
  | Readonly<{ kind: 'receipt'; key: string; value: Receipt }>;
