/**
 * The `TrafficProbe` port on one host of a simulated world: reads the byte counters of the pairs
 * that its own domains belong to, and smooths their differences. A pair's first counted interval is
 * its rate; later ones are weighed in by how long they lasted against the smoothing time.
 */

import type { HostId, PairRate, TrafficProbe, TrafficReading } from '@barter/core';
import type { Pair } from '../world/traffic-matrix.ts';
import { gatewayAddress, type World, type WorldDomain } from '../world/world.ts';

type Smoothed = {
  bytes: number;
  bitsPerSecond: number | undefined;
  readAtMs: number;
  reading: number;
};

export class SimTrafficProbe implements TrafficProbe {
  readonly #world: World;
  readonly #host: HostId;
  readonly #smoothingMs: number;
  readonly #pairs = new Map<Pair, Smoothed>();
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
    if (this.#startedAtMs === undefined || this.#countingSinceMs === undefined) {
      return { rates: [], measured: false, problems: ['The traffic counters are not in place.'] };
    }
    const nowMs = this.#world.nowMs();
    const running = this.#world.host(this.#host).running;
    this.#reading += 1;
    let seen = 0;
    const rates: PairRate[] = [];
    for (const address of local) {
      const domain = this.#world.domainAt(address);
      // Frames of a domain that is not here do not pass this host's bridge.
      if (domain === undefined || !running.has(domain)) continue;
      for (const pair of this.#world.traffic.pairsOf(domain.index)) {
        const smoothed = this.#count(pair, nowMs);
        // Between two domains of this host: met before, from the other end.
        if (smoothed === undefined) continue;
        seen += 1;
        if (smoothed.bitsPerSecond !== undefined && smoothed.bitsPerSecond > 0) {
          rates.push(this.#rate(domain, pair, smoothed.bitsPerSecond));
        }
      }
    }
    // What does not pass here any more is forgotten.
    if (seen < this.#pairs.size)
      for (const [pair, { reading }] of this.#pairs)
        if (reading !== this.#reading) this.#pairs.delete(pair);
    return { rates, measured: nowMs - this.#countingSinceMs >= this.#smoothingMs, problems: [] };
  }

  async close(): Promise<void> {
    this.#startedAtMs = undefined;
  }

  async remove(): Promise<void> {
    this.#startedAtMs = undefined;
    this.#countingSinceMs = undefined;
    this.#pairs.clear();
  }

  /** Brings one pair up to date; undefined when that was done in this reading already. */
  #count(pair: Pair, nowMs: number): Smoothed | undefined {
    const known = this.#pairs.get(pair);
    if (known === undefined) {
      const bytes = this.#world.traffic.bytesAt(pair, nowMs);
      const first = { bytes, bitsPerSecond: undefined, readAtMs: nowMs, reading: this.#reading };
      this.#pairs.set(pair, first);
      return first;
    }
    if (known.reading === this.#reading) return undefined;
    known.reading = this.#reading;
    const elapsedMs = nowMs - known.readAtMs;
    if (elapsedMs <= 0) return known;
    const bytes = this.#world.traffic.bytesAt(pair, nowMs);
    const bitsPerSecond = (Math.max(0, bytes - known.bytes) * 8000) / elapsedMs;
    const weight = known.bitsPerSecond === undefined ? 1 : this.#weightOf(elapsedMs);
    const before = known.bitsPerSecond ?? 0;
    known.bitsPerSecond = before + weight * (bitsPerSecond - before);
    known.bytes = bytes;
    known.readAtMs = nowMs;
    return known;
  }

  /** How much a reading counts after such a time; nearly all pairs of a host were read at the same time. */
  #weightOf(elapsedMs: number): number {
    if (this.#smoothingMs === 0) return 1;
    if (this.#weight.elapsedMs !== elapsedMs)
      this.#weight = { elapsedMs, weight: 1 - Math.exp(-elapsedMs / this.#smoothingMs) };
    return this.#weight.weight;
  }

  #rate(domain: WorldDomain, pair: Pair, bitsPerSecond: number): PairRate {
    const other = this.#world.domains[pair.a === domain.index ? pair.b : pair.a];
    return { a: domain.address, b: other?.address ?? gatewayAddress, bitsPerSecond };
  }
}
