/**
 * Who talks to whom in a simulated world, how fast, and how many bytes went over so far.
 *
 * Counters are advanced lazily: a pair's bytes are brought up to date when its rate changes or when
 * somebody reads it, so time passes at no cost however many pairs there are.
 */

export type Pair = {
  readonly a: number;
  /** −1 is outside the cluster. */
  readonly b: number;
  bitsPerSecond: number;
  bytes: number;
  sinceMs: number;
};

/** A domain's index in the world; −1 is `external`. */
export type Endpoint = number;

export class TrafficMatrix {
  readonly #pairs: Pair[] = [];
  readonly #pairsOf: Pair[][];
  readonly #index = new Map<number, Pair>();
  readonly #size: number;

  constructor(domainCount: number) {
    this.#size = domainCount;
    this.#pairsOf = Array.from({ length: domainCount }, () => []);
  }

  pairs(): readonly Pair[] {
    return this.#pairs;
  }

  /** Every pair of which the domain is an endpoint. */
  pairsOf(domain: number): readonly Pair[] {
    return this.#pairsOf[domain] ?? [];
  }

  /** From `nowMs` on the pair has this rate; zero ends it. */
  setRate(left: Endpoint, right: Endpoint, bitsPerSecond: number, nowMs: number): void {
    const a = Math.max(left, right);
    const b = Math.min(left, right);
    const key = a * (this.#size + 1) + b + 1;
    let pair = this.#index.get(key);
    if (pair === undefined) {
      pair = { a, b, bitsPerSecond: 0, bytes: 0, sinceMs: nowMs };
      this.#index.set(key, pair);
      this.#pairs.push(pair);
      this.#pairsOf[a]?.push(pair);
      if (b >= 0) this.#pairsOf[b]?.push(pair);
    }
    this.bytesAt(pair, nowMs);
    pair.bitsPerSecond = bitsPerSecond;
  }

  /** What the pair has sent both ways together until `nowMs`. */
  bytesAt(pair: Pair, nowMs: number): number {
    pair.bytes += (pair.bitsPerSecond * (nowMs - pair.sinceMs)) / 8000;
    pair.sinceMs = nowMs;
    return pair.bytes;
  }

  /** A paused domain neither sends nor receives: takes back what its pairs would have sent meanwhile. */
  pausedFor(domain: number, durationMs: number, nowMs: number): void {
    for (const pair of this.pairsOf(domain)) {
      const bytes = this.bytesAt(pair, nowMs);
      pair.bytes = Math.max(0, bytes - (pair.bitsPerSecond * durationMs) / 8000);
    }
  }

  /** What a domain received until `nowMs`: half of what its pairs carried both ways. */
  receivedBytes(domain: number, nowMs: number): number {
    let bytes = 0;
    for (const pair of this.pairsOf(domain)) bytes += this.bytesAt(pair, nowMs);
    return bytes / 2;
  }
}
