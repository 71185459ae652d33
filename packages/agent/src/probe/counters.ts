/** What a source of counters (nftables, Open vSwitch) tells in one reading: totals since it began to count. */

export type PairCount = Readonly<{ from: string; to: string; bytes: number }>;

export type Counters = Readonly<{
  /** Names one run of the source's counting: another epoch means that it began again from nothing. */
  epoch: string;
  pairs: readonly PairCount[];
  /** Bytes that should have been counted and were not, since the source began. */
  lostBytes: number;
  /** Why the source cannot count every new pair now (one sentence), if so. */
  full?: string;
}>;
