/**
 * The `TrafficProbe` port on one host of a simulated world: reads the byte counters of the pairs
 * that its own domains belong to, and smooths their differences. A pair's first counted interval is
 * its rate; later ones are weighed in by how long they lasted against the smoothing time.
 */

import type { DomainSample, HostId, PairRate, TrafficProbe, TrafficReading } from '@barter/core';
import type { WorldDomain } from '../world/ground.ts';
import { gatewayAddress } from '../world/make-world.ts';
import type { Pair } from '../world/traffic-matrix.ts';
import type { World } from '../world/world.ts';

/** Of each counter in `#numbers`: bytes, smoothed rate, when it was read last, and at which reading. */
const numbersEach = 4;
const [rateAt, readAt, readingAt] = [1, 2, 3];

/** The counters of a domain here, in the order of its pairs, and the addresses at their other ends. */
type Counted = Readonly<{ counters: number[]; others: string[] }> & {
  /** As they were shown last: what is still so is shown again, the very same list. */
  shown: DomainSample['rates'];
};

/** A steady rate is read a little differently each time, by rounding: its last digits are no news. */
const roundingShare = 1e-9;

export class SimTrafficProbe implements TrafficProbe {
  readonly #world: World;
  readonly #host: HostId;
  readonly #smoothingMs: number;
  /** Of each domain here; two domains here share the counter of their pair. */
  readonly #counted = new Map<WorldDomain, Counted>();
  /** What was never read has no number there. */
  #numbers = new Float64Array(0);
  #counters = 0;
  /** Counts readings. */
  #reading = 0;
  /** The addresses read last, and whose they are: most readings are of the same set, which has the same addresses still. */
  #asked: Readonly<{ local: ReadonlySet<string>; domains: readonly WorldDomain[] }> = {
    local: new Set(),
    domains: [],
  };
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
    const met = new Set<number>();
    const measured = this.#visit(local, ({ address: a }, { counters, others }) => {
      for (const [n, counter] of counters.entries()) {
        const bitsPerSecond = this.#rateOf(counter);
        // Between two domains of this host: met before, from the other end.
        if (!(bitsPerSecond > 0) || met.has(counter)) continue;
        met.add(counter);
        rates.push({ a, b: others[n] as string, bitsPerSecond });
      }
    });
    const problems = measured === undefined ? ['The traffic counters are not in place.'] : [];
    return { rates, measured: measured ?? false, problems };
  }

  /** The same by the domains' own addresses, the way an agent takes it in. */
  ratesNow(
    local: ReadonlySet<string>,
  ): Readonly<{ ratesOf: ReadonlyMap<string, DomainSample['rates']>; measured: boolean }> {
    const ratesOf = new Map<string, DomainSample['rates']>();
    const measured = this.#visit(local, (domain, counted) => {
      if (!this.#isAsShown(counted)) counted.shown = this.#listed(counted);
      ratesOf.set(domain.address, counted.shown);
    });
    return { ratesOf, measured: measured ?? false };
  }

  #listed({ counters, others }: Counted): DomainSample['rates'] {
    return counters.flatMap((counter, n) => {
      const bitsPerSecond = this.#rateOf(counter);
      return bitsPerSecond > 0 ? [{ address: others[n] as string, bitsPerSecond }] : [];
    });
  }

  #isAsShown({ counters, others, shown }: Counted): boolean {
    let count = 0;
    for (let n = 0; n < counters.length; n++) {
      const bitsPerSecond = this.#rateOf(counters[n] as number);
      if (!(bitsPerSecond > 0)) continue;
      const before = shown[count++];
      if (before?.address !== others[n]) return false;
      const rate = before?.bitsPerSecond ?? 0;
      if (!(Math.abs(bitsPerSecond - rate) <= roundingShare * rate)) return false;
    }
    return count === shown.length;
  }

  #rateOf(counter: number): number {
    return this.#numbers[numbersEach * counter + rateAt] as number;
  }

  /**
   * Brings every pair of the domains here up to date and shows these domains; says whether they are measured for long
   * enough, and undefined when nothing is counted.
   */
  #visit(
    local: ReadonlySet<string>,
    show: (domain: WorldDomain, counted: Counted) => void,
  ): boolean | undefined {
    if (this.#startedAtMs === undefined || this.#countingSinceMs === undefined) return undefined;
    const nowMs = this.#world.nowMs();
    const { running } = this.#world.host(this.#host);
    this.#reading += 1;
    let count = 0;
    for (const domain of this.#domainsAt(local)) {
      // Frames of a domain that is not here do not pass this host's bridge.
      if (!running.has(domain)) continue;
      count += 1;
      const pairs = this.#world.traffic.pairsOf(domain.index);
      const counted = this.#countedOf(domain, pairs);
      for (let n = 0; n < pairs.length; n++) {
        const at = numbersEach * (counted.counters[n] as number);
        if (this.#numbers[at + readingAt] !== this.#reading)
          this.#count(at, pairs[n] as Pair, nowMs);
      }
      show(domain, counted);
    }
    // What does not pass here any more is forgotten.
    if (count < this.#counted.size)
      this.#forget((one) => running.has(one) && local.has(one.address));
    return nowMs - this.#countingSinceMs >= this.#smoothingMs;
  }

  #domainsAt(local: ReadonlySet<string>): readonly WorldDomain[] {
    if (this.#asked.local !== local) {
      const domains = [...local].flatMap((address) => this.#world.domainAt(address) ?? []);
      this.#asked = { local, domains };
    }
    return this.#asked.domains;
  }

  #countedOf(domain: WorldDomain, pairs: readonly Pair[]): Counted {
    let counted = this.#counted.get(domain);
    if (counted === undefined) {
      counted = { counters: [], others: [], shown: [] };
      this.#counted.set(domain, counted);
    }
    const { counters, others } = counted;
    for (let n = counters.length; n < pairs.length; n++) {
      const pair = pairs[n] as Pair;
      const other = this.#world.domains[this.#world.traffic.otherEnd(pair, domain.index)];
      counters.push(this.#counterOf(other, pair));
      others.push(other?.address ?? gatewayAddress);
    }
    return counted;
  }

  /** The one counter of a pair: known from its other end, where that one is here, or a new one. */
  #counterOf(other: WorldDomain | undefined, pair: Pair): number {
    const theirs = other === undefined ? undefined : this.#counted.get(other);
    const known = other && theirs?.counters[this.#world.traffic.pairsOf(other.index).indexOf(pair)];
    if (known !== undefined) return known;
    const counter = this.#counters++;
    const at = numbersEach * counter;
    if (at >= this.#numbers.length) {
      const numbers = this.#numbers;
      this.#numbers = new Float64Array(Math.max(256, 2 * numbers.length));
      this.#numbers.set(numbers);
    }
    this.#numbers.fill(Number.NaN, at, at + numbersEach);
    return counter;
  }

  /** Forgets the counters of all other domains; those that are kept move together. */
  #forget(isKept: (domain: WorldDomain) => boolean): void {
    for (const domain of this.#counted.keys()) if (!isKept(domain)) this.#counted.delete(domain);
    const before = this.#numbers;
    const places = new Map<number, number>();
    for (const { counters } of this.#counted.values())
      for (const counter of counters) if (!places.has(counter)) places.set(counter, places.size);
    this.#numbers = new Float64Array(numbersEach * places.size);
    this.#counters = places.size;
    for (const [from, to] of places)
      for (let n = 0; n < numbersEach; n++)
        this.#numbers[numbersEach * to + n] = before[numbersEach * from + n] as number;
    for (const { counters } of this.#counted.values())
      for (const [n, counter] of counters.entries()) counters[n] = places.get(counter) as number;
  }

  async close(): Promise<void> {
    this.#startedAtMs = undefined;
  }

  async remove(): Promise<void> {
    this.#startedAtMs = undefined;
    this.#countingSinceMs = undefined;
    this.#forget(() => false);
  }

  #count(at: number, pair: Pair, nowMs: number): void {
    const numbers = this.#numbers;
    numbers[at + readingAt] = this.#reading;
    const readAtMs = numbers[at + readAt] as number;
    const isNew = Number.isNaN(readAtMs);
    const elapsedMs = isNew ? 0 : nowMs - readAtMs;
    if (!isNew && elapsedMs <= 0) return;
    const bytes = this.#world.traffic.bytesAt(pair, nowMs);
    if (elapsedMs > 0) {
      const passed = Math.max(0, bytes - (numbers[at] as number));
      const bitsPerSecond = (passed * 8000) / elapsedMs;
      const before = numbers[at + rateAt] as number;
      numbers[at + rateAt] = Number.isNaN(before)
        ? bitsPerSecond
        : before + this.#weightOf(elapsedMs) * (bitsPerSecond - before);
    }
    numbers[at] = bytes;
    numbers[at + readAt] = nowMs;
  }

  /** How much a reading counts after such a time; nearly all pairs of a host were read at the same time. */
  #weightOf(elapsedMs: number): number {
    if (this.#smoothingMs === 0) return 1;
    if (this.#weight.elapsedMs !== elapsedMs)
      this.#weight = { elapsedMs, weight: 1 - Math.exp(-elapsedMs / this.#smoothingMs) };
    return this.#weight.weight;
  }
}
