/** What does not change while an agent runs, and what its operator set. */

import type { SearchKind } from './exchange/exchange.ts';
import type { CostParameters } from './model/cost.ts';
import type { HostId, Location, Mode } from './model/model.ts';

/** Everything about a host that does not change while its agent runs. All times in milliseconds. */
export type HostConfig = Readonly<{
  self: HostId;
  name: string;
  location: Location;
  cost: CostParameters;
  search: SearchKind;
  /** A deal must lower the cost by at least this; both sides check. */
  minGainBitsPerSecond: number;
  /** Live migrations out of this host, and into it, at the same time. */
  migrationsAtOnce: number;
  /** Claims in a book, at most. */
  bookOffers: number;
  /** Entries of a traffic row in a book, at most; the rest counts as external. */
  bookPartners: number;
  migration: Readonly<{
    /** What a migration may use; null = the whole uplink. */
    bandwidthBytesPerSecond: number | null;
    downtimeMs: number;
  }>;
  timing: HostTiming;
}>;

export type HostTiming = Readonly<{
  /** Between two load summaries of this host. */
  summaryEveryMs: number;
  /** Mean time between two proposals of a host that has something to trade; drawn anew each time from 0.5 to 1.5 of it. */
  tradeEveryMs: number;
  /** A summary older than this is not acted upon; neither is an own sample. */
  staleMs: number;
  /** A proposal that nobody answers ends after this. */
  proposalMs: number;
  /** A responder waits this long for the decision before the homes take the claims back. */
  inDoubtMs: number;
  /** A proposer repeats its decision for this long to a peer that does not acknowledge. */
  committedMs: number;
  /** A claim held away from home lives this long without being renewed. */
  claimLeaseMs: number;
  /** A claim is settled when it has not changed hands for this long; 0 = at once. */
  settleAfterMs: number;
  /** Room is kept this long for a domain whose migration has not started. */
  settleLeaseMs: number;
  /** A domain that has migrated stays for this long. */
  cooldownMs: number;
  /** Loads count in a trade as far as they have lasted for this long (see `steady.ts`); 0 = as they are. */
  steadyMs: number;
  /** First pause after a failed migration of a domain; doubles each time. */
  backoffMs: number;
  backoffMaxMs: number;
  /** Whoever waits for an answer repeats itself this often. */
  resendMs: number;
  /** A domain that has just arrived is priced by the row it brought along for this long. */
  rowTrustMs: number;
  /** Ended deals and settlements are remembered this long, for repetitions of old messages. */
  historyMs: number;
  /** Where partners are is asked for again this often, and announced again every third time; kept three times as long. */
  refreshMs: number;
}>;

/** What an operator set, here and durable. */
export type Settings = Readonly<{
  mode: Mode;
  /** The configured mode when `mode` was set: an edited configuration wins over an older order. */
  configuredMode: Mode;
  stopped: boolean;
  sequence: number;
}>;
