/** How often something may happen: a bucket of tokens that fills at a steady rate. */

export class TokenBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  readonly #nowMs: () => number;
  #tokens: number;
  #atMs: number;

  /** Starts full. `nowMs` should be monotonic; a step back refills nothing and harms nothing. */
  constructor(
    options: Readonly<{ capacity: number; perSecond: number }>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#capacity = options.capacity;
    this.#perMs = options.perSecond / 1000;
    this.#nowMs = nowMs;
    this.#tokens = options.capacity;
    this.#atMs = nowMs();
  }

  /** Takes tokens if that many are there. */
  take(tokens = 1): boolean {
    const nowMs = this.#nowMs();
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(this.#capacity, this.#tokens + passedMs * this.#perMs);
    this.#atMs = nowMs;
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }
}
