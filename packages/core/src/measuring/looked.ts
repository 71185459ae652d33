/** What was when this host last looked at its own loads: what is news is told by the difference. */

import type { DomainId, HostCapacity, HostLoad, TrafficRow } from '../model/model.ts';

/** What a domain and its host carried when the domain had just arrived. */
export type ArrivalLoads = Readonly<{
  row: TrafficRow;
  cpu: number;
  /** Overload of the host, bit/s. */
  excessBitsPerSecond: number;
  atMs: number;
}>;

/** What overloaded this host when it was last looked at, and which claims were held then (`information.revision`). */
export type OverloadSeen = Readonly<{ revision: number; excessBitsPerSecond: number }>;

/**
 * What the rows, what rests and what is news were last made of (`keepUp`). The load stands for the samples, the claims
 * and the rows: whoever changes one of them has it added up anew. How much of the rates has lasted is asked for apart.
 */
export type Looked = Readonly<{
  load: HostLoad;
  capacity: HostCapacity | undefined;
  pricedChangedAtMs: number;
  /** When that was first done since the agent started. */
  sinceMs: number;
  /** When time alone changes something: a row that was brought along counts no more, a domain has rested for long enough. */
  untilMs: number;
}>;

/** What this host and its domains carried when it last woke. */
export type Priced = {
  load: HostLoad | undefined;
  readonly domains: Map<DomainId, Readonly<{ row: TrafficRow; cpu: number }>>;
  /** When a domain last carried something else than before; that one came or went does not count. */
  changedAtMs: number;
};
