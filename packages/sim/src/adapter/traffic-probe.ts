/**
 * The `TrafficProbe` port on one host of a simulated world: reads the byte counters of the pairs
 * that its own domains belong to, and smooths their differences. A pair's first counted interval is
 * its rate; later ones are weighed in by how long they lasted against the smoothing time.
 */

import type { DomainSample, HostId, PairRate, TrafficProbe, TrafficReading } from '@barter/core';
import type { Pair } from '../world/traffic-matrix.ts';
import { gatewayAddress, type World, type WorldDomain } from '../world/world.ts';

type Smoothed = {
  bytes: number;
  bitsPerSecond: number | undefined;
  readAtMs: number | undefined;
  reading: number;
};

export class SimTrafficProbe implements TrafficProbe {
  readonly #world: World;
  readonly #host: HostId;
  readonly #smoothingMs: number;
  /** Of each domain here in the order of its pairs; two domains here share the counter of their pair. */
  readonly #counters = new Map<WorldDomain, Smoothed[]>();
  /** Counts readings. */
  #reading = 0;
  #weight = { elapsedMs: 0, weight: 0 };
  #startedAtMs: number | undefined;
  #countingSinceMs: number | undefined;

  /** `smoothingSeconds` is also how long it takes until the first reading counts as measured. */
  constructor(world: World, host: string, smoothingSeconds = 60) {
    this.#world = world;
    this.#host = world.host(host).id;
    this.#smoothingMs = smoothingSeconds * 1000;
  }

  async start(): Promise<void> {
    this.#startedAtMs ??= this.#world.nowMs();
    // Counters left by an earlier run of the agent are still there.
    this.#countingSinceMs ??= this.#startedAtMs;
  }

  async read(local: ReadonlySet<string>): Promise<TrafficReading> {
    return this.readNow(local);
  }

  /** The same at once, for simulations that keep no promises. */
  readNow(local: ReadonlySet<string>): TrafficReading {
    const rates: PairRate[] = [];
    const measured = this.#visit(local, (domain, pair, bitsPerSecond, isFirst) => {
      // Between two domains of this host: met before, from the other end.
      if (isFirst)
        rates.push({ a: domain.address, b: this.#otherEnd(domain, pair), bitsPerSecond });
    });
    const problems = measured === undefined ? ['The traffic counters are not in place.'] : [];
    return { rates, measured: measured ?? false, problems };
  }

  /** The same by the domains' own addresses, the way an agent takes it in. */
  ratesNow(
    local: ReadonlySet<string>,
  ): Readonly<{ ratesOf: ReadonlyMap<string, DomainSample['rates']>; measured: boolean }> {
    const ratesOf = new Map<string, { address: string; bitsPerSecond: number }[]>();
    let own = '';
    let rates: { address: string; bitsPerSecond: number }[] = [];
    const measured = this.#visit(local, (domain, pair, bitsPerSecond) => {
      if (domain.address !== own) {
        own = domain.address;
        rates = [];
        ratesOf.set(own, rates);
      }
      rates.push({ address: this.#otherEnd(domain, pair), bitsPerSecond });
    });
    return { ratesOf, measured: measured ?? false };
  }

  /**
   * Brings every pair of the domains here up to date and shows it from each of its ends here; says whether they are
   * measured for long enough, and undefined when nothing is counted.
   */
  #visit(
    local: ReadonlySet<string>,
    show: (domain: WorldDomain, pair: Pair, bitsPerSecond: number, isFirst: boolean) => void,
  ): boolean | undefined {
    if (this.#startedAtMs === undefined || this.#countingSinceMs === undefined) return undefined;
    const nowMs = this.#world.nowMs();
    const { running } = this.#world.host(this.#host);
    this.#reading += 1;
    let count = 0;
    for (const address of local) {
      const domain = this.#world.domainAt(address);
      // Frames of a domain that is not here do not pass this host's bridge.
      if (domain === undefined || !running.has(domain)) continue;
      count += 1;
      const counters = this.#countersOf(domain);
      for (const [n, pair] of this.#world.traffic.pairsOf(domain.index).entries()) {
        let counter = counters[n];
        if (counter === undefined) {
          counter = this.#counterOf(domain, pair);
          counters.push(counter);
        }
        const isFirst = counter.reading !== this.#reading;
        if (isFirst) this.#count(counter, pair, nowMs);
        const { bitsPerSecond } = counter;
        if (bitsPerSecond !== undefined && bitsPerSecond > 0)
          show(domain, pair, bitsPerSecond, isFirst);
      }
    }
    // What does not pass here any more is forgotten.
    if (count < this.#counters.size)
      for (const domain of this.#counters.keys())
        if (!running.has(domain) || !local.has(domain.address)) this.#counters.delete(domain);
    return nowMs - this.#countingSinceMs >= this.#smoothingMs;
  }

  #countersOf(domain: WorldDomain): Smoothed[] {
    let counters = this.#counters.get(domain);
    if (counters === undefined) {
      counters = [];
      this.#counters.set(domain, counters);
    }
    return counters;
  }

  /** The one counter of a pair: known from its other end, where that one is here, or a new one. */
  #counterOf(domain: WorldDomain, pair: Pair): Smoothed {
    const other = this.#world.domains[pair.a === domain.index ? pair.b : pair.a];
    const theirs = other === undefined ? undefined : this.#counters.get(other);
    const known = other && theirs?.[this.#world.traffic.pairsOf(other.index).indexOf(pair)];
    return known ?? { bytes: 0, bitsPerSecond: undefined, readAtMs: undefined, reading: 0 };
  }

  async close(): Promise<void> {
    this.#startedAtMs = undefined;
  }

  async remove(): Promise<void> {
    this.#startedAtMs = undefined;
    this.#countingSinceMs = undefined;
    this.#counters.clear();
  }

  #count(known: Smoothed, pair: Pair, nowMs: number): void {
    known.reading = this.#reading;
    const elapsedMs = known.readAtMs === undefined ? 0 : nowMs - known.readAtMs;
    if (known.readAtMs !== undefined && elapsedMs <= 0) return;
    const bytes = this.#world.traffic.bytesAt(pair, nowMs);
    if (elapsedMs > 0) {
      const bitsPerSecond = (Math.max(0, bytes - known.bytes) * 8000) / elapsedMs;
      const weight = known.bitsPerSecond === undefined ? 1 : this.#weightOf(elapsedMs);
      const before = known.bitsPerSecond ?? 0;
      known.bitsPerSecond = before + weight * (bitsPerSecond - before);
    }
    known.bytes = bytes;
    known.readAtMs = nowMs;
  }

  /** How much a reading counts after such a time; nearly all pairs of a host were read at the same time. */
  #weightOf(elapsedMs: number): number {
    if (this.#smoothingMs === 0) return 1;
    if (this.#weight.elapsedMs !== elapsedMs)
      this.#weight = { elapsedMs, weight: 1 - Math.exp(-elapsedMs / this.#smoothingMs) };
    return this.#weight.weight;
  }

  #otherEnd(domain: WorldDomain, pair: Pair): string {
    const other = this.#world.domains[pair.a === domain.index ? pair.b : pair.a];
    return other?.address ?? gatewayAddress;
  }
}
