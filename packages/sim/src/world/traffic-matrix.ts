/**
 * Who talks to whom in a simulated world, how fast, and how many bytes went over so far.
 *
 * Counters are advanced lazily: a pair's bytes are brought up to date when its rate changes or when
 * somebody reads it, so time passes at no cost however many pairs there are.
 *
 * Pairs are numbers, and what is known of them stands in arrays: every sample of every host reads a hundred of them.
 */

/** A domain's index in the world; −1 is `external`. */
export type Endpoint = number;

/** Which of the pairs, counted from 0. */
export type Pair = number;

const sizeMin = 64;

export class TrafficMatrix {
  readonly #pairsOf: Pair[][];
  readonly #index = new Map<number, Pair>();
  readonly #domainCount: number;
  /** Counts up whenever a rate is set. */
  changes = 0;
  /** Two for each pair; of them the first one is the larger. */
  #ends = new Int32Array(2 * sizeMin);
  /** Three for each pair: its rate, its bytes, and until when they are counted. */
  #numbers = new Float64Array(3 * sizeMin);

  constructor(domainCount: number) {
    this.#domainCount = domainCount;
    this.#pairsOf = Array.from({ length: domainCount }, () => []);
  }

  /** How many pairs there are. */
  get size(): number {
    return this.#index.size;
  }

  /** Every pair of which the domain is an endpoint. */
  pairsOf(domain: number): readonly Pair[] {
    return this.#pairsOf[domain] ?? [];
  }

  ends(pair: Pair): readonly [Endpoint, Endpoint] {
    return [this.#ends[2 * pair] as number, this.#ends[2 * pair + 1] as number];
  }

  otherEnd(pair: Pair, domain: number): Endpoint {
    const first = this.#ends[2 * pair] as number;
    return first === domain ? (this.#ends[2 * pair + 1] as number) : first;
  }

  rate(pair: Pair): number {
    return this.#numbers[3 * pair] as number;
  }

  /** From `nowMs` on the pair has this rate; zero ends it. */
  setRate(left: Endpoint, right: Endpoint, bitsPerSecond: number, nowMs: number): void {
    const a = Math.max(left, right);
    const b = Math.min(left, right);
    const key = a * (this.#domainCount + 1) + b + 1;
    let pair = this.#index.get(key);
    if (pair === undefined) {
      pair = this.#index.size;
      this.#index.set(key, pair);
      this.#makeRoomFor(pair);
      this.#ends[2 * pair] = a;
      this.#ends[2 * pair + 1] = b;
      this.#numbers[3 * pair + 2] = nowMs;
      this.#pairsOf[a]?.push(pair);
      if (b >= 0) this.#pairsOf[b]?.push(pair);
    }
    this.bytesAt(pair, nowMs);
    this.#numbers[3 * pair] = bitsPerSecond;
    this.changes += 1;
  }

  /** What the pair has sent both ways together until `nowMs`. */
  bytesAt(pair: Pair, nowMs: number): number {
    const numbers = this.#numbers;
    const at = 3 * pair;
    const elapsedMs = nowMs - (numbers[at + 2] as number);
    const bytes = (numbers[at + 1] as number) + ((numbers[at] as number) * elapsedMs) / 8000;
    numbers[at + 1] = bytes;
    numbers[at + 2] = nowMs;
    return bytes;
  }

  /** A paused domain neither sends nor receives: takes back what its pairs would have sent meanwhile. */
  pausedFor(domain: number, durationMs: number, nowMs: number): void {
    for (const pair of this.pairsOf(domain)) {
      const bytes = this.bytesAt(pair, nowMs);
      this.#numbers[3 * pair + 1] = Math.max(0, bytes - (this.rate(pair) * durationMs) / 8000);
    }
  }

  /** What a domain received until `nowMs`: half of what its pairs carried both ways. */
  receivedBytes(domain: number, nowMs: number): number {
    let bytes = 0;
    for (const pair of this.pairsOf(domain)) bytes += this.bytesAt(pair, nowMs);
    return bytes / 2;
  }

  #makeRoomFor(pair: Pair): void {
    if (2 * pair < this.#ends.length) return;
    const [ends, numbers] = [this.#ends, this.#numbers];
    this.#ends = new Int32Array(2 * ends.length);
    this.#ends.set(ends);
    this.#numbers = new Float64Array(2 * numbers.length);
    this.#numbers.set(numbers);
  }
}
