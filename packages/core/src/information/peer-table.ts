/**
 * The peers whose load summaries were heard, in the order in which they were heard of first.
 *
 * All of them are looked through every few seconds, and hardly any is of interest: what that is decided by stands in
 * columns of numbers, side by side. In a large cluster most of the time went into fetching peers to leave them out.
 */

import type { HostId, LoadSummary } from '../model/model.ts';

/** Of one peer; kept up to date in place, because summaries are most of what a host hears. */
export class KnownPeer {
  summary: LoadSummary;
  readonly #columns: Columns;
  /** Its place in the columns; who drops peers moves the others up. */
  at: number;

  constructor(summary: LoadSummary, columns: Columns, at: number) {
    this.summary = summary;
    this.#columns = columns;
    this.at = at;
  }

  get receivedAtMs(): number {
    return this.#columns.receivedAtMs[this.at] as number;
  }

  /** When it last traded, by what it said then. */
  get tradedAtMs(): number {
    return this.#columns.tradedAtMs[this.at] as number;
  }

  /** The own book, or a search of both, saw nothing to gain with it; until then it is not looked at again (`prospects.ts`). */
  get hopelessUntilMs(): number {
    return this.#columns.hopelessUntilMs[this.at] as number;
  }

  set hopelessUntilMs(untilMs: number) {
    this.#columns.hopelessUntilMs[this.at] = untilMs;
  }

  /** Takes in what it says now. */
  hear(summary: LoadSummary, receivedAtMs: number): void {
    this.summary = summary;
    this.#columns.receivedAtMs[this.at] = receivedAtMs;
    this.#columns.tradedAtMs[this.at] = receivedAtMs - summary.tradedMsAgo;
  }
}

type Columns = Readonly<{
  receivedAtMs: Float64Array;
  tradedAtMs: Float64Array;
  hopelessUntilMs: Float64Array;
}>;

export class PeerTable {
  readonly #columns: Columns;
  readonly #peers: KnownPeer[] = [];
  readonly #byHost = new Map<HostId, KnownPeer>();

  /** Room for so many. */
  constructor(max: number) {
    const column = () => new Float64Array(max);
    this.#columns = {
      receivedAtMs: column(),
      tradedAtMs: column(),
      hopelessUntilMs: column(),
    };
  }

  get size(): number {
    return this.#peers.length;
  }

  get(host: HostId): KnownPeer | undefined {
    return this.#byHost.get(host);
  }

  has(host: HostId): boolean {
    return this.#byHost.has(host);
  }

  values(): readonly KnownPeer[] {
    return this.#peers;
  }

  /** One that is not in the table; there must be room for it. */
  add(summary: LoadSummary, receivedAtMs: number, hopelessUntilMs: number): void {
    const known = new KnownPeer(summary, this.#columns, this.#peers.length);
    this.#peers.push(known);
    this.#byHost.set(summary.host, known);
    known.hear(summary, receivedAtMs);
    known.hopelessUntilMs = hopelessUntilMs;
  }

  /** Takes these out; the others stay in order. */
  drop(hosts: ReadonlySet<HostId>): void {
    for (const host of hosts) this.#byHost.delete(host);
    const columns = Object.values(this.#columns);
    let kept = 0;
    for (const known of this.#peers) {
      if (hosts.has(known.summary.host)) continue;
      if (known.at !== kept) {
        for (const column of columns) column[kept] = column[known.at] as number;
        known.at = kept;
        this.#peers[kept] = known;
      }
      kept += 1;
    }
    this.#peers.length = kept;
  }

  /** The `count` of which nothing was heard for longest. */
  stalest(count: number): ReadonlySet<HostId> {
    const receivedAtMs = this.#columns.receivedAtMs.subarray(0, this.#peers.length);
    const last = Math.min(count, this.#peers.length) - 1;
    const sinceMs = receivedAtMs.slice().sort()[last] ?? Number.NEGATIVE_INFINITY;
    const found = this.#peers.filter(({ at }) => (receivedAtMs[at] as number) < sinceMs);
    found.sort((one, other) => one.receivedAtMs - other.receivedAtMs);
    // Of those heard at the very same time the first ones.
    for (const known of this.#peers)
      if (found.length < count && known.receivedAtMs === sinceMs) found.push(known);
    return new Set(found.map(({ summary }) => summary.host));
  }

  /** With whom there may be something to gain by now, of those of whom something was heard since then. */
  hopeful(nowMs: number, heardSinceMs: number): readonly KnownPeer[] {
    const { hopelessUntilMs, receivedAtMs } = this.#columns;
    const found: KnownPeer[] = [];
    for (let at = 0; at < this.#peers.length; at++) {
      if ((hopelessUntilMs[at] as number) > nowMs) continue;
      if ((receivedAtMs[at] as number) >= heardSinceMs) found.push(this.#peers[at] as KnownPeer);
    }
    return found;
  }

  /** With all of them there may be. */
  hopeAgain(): void {
    this.#columns.hopelessUntilMs.fill(0, 0, this.#peers.length);
  }

  /** When those last traded of whom something was heard since then; in no order. */
  tradedAtMs(heardSinceMs: number): Float64Array {
    const { receivedAtMs, tradedAtMs } = this.#columns;
    const found = new Float64Array(this.#peers.length);
    let count = 0;
    for (let at = 0; at < this.#peers.length; at++)
      if ((receivedAtMs[at] as number) >= heardSinceMs) found[count++] = tradedAtMs[at] as number;
    return found.subarray(0, count);
  }
}
