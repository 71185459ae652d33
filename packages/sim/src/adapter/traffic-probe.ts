/**
 * The `TrafficProbe` port on one host of a simulated world: reads the byte counters of the pairs
 * that its own domains belong to, and smooths their differences. A pair's first counted interval is
 * its rate; later ones are weighed in by how long they lasted against the smoothing time.
 */

import type { HostId, PairRate, TrafficProbe, TrafficReading } from '@barter/core';
import type { Pair } from '../world/traffic-matrix.ts';
import { gatewayAddress, type World, type WorldDomain } from '../world/world.ts';

type Smoothed = { bytes: number; bitsPerSecond: number | undefined; readAtMs: number };

export class SimTrafficProbe implements TrafficProbe {
  readonly #world: World;
  readonly #host: HostId;
  readonly #smoothingMs: number;
  #pairs = new Map<Pair, Smoothed>();
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
    const pairs = new Map<Pair, Smoothed>();
    const rates: PairRate[] = [];
    for (const address of local) {
      const domain = this.#world.domainAt(address);
      // Frames of a domain that is not here do not pass this host's bridge.
      if (domain === undefined || !running.has(domain)) continue;
      for (const pair of this.#world.traffic.pairsOf(domain.index)) {
        if (pairs.has(pair)) continue;
        const smoothed = this.#count(pair, nowMs);
        pairs.set(pair, smoothed);
        if (smoothed.bitsPerSecond !== undefined && smoothed.bitsPerSecond > 0) {
          rates.push(this.#rate(domain, pair, smoothed.bitsPerSecond));
        }
      }
    }
    this.#pairs = pairs;
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

  #count(pair: Pair, nowMs: number): Smoothed {
    const bytes = this.#world.traffic.bytesAt(pair, nowMs);
    const known = this.#pairs.get(pair);
    if (known === undefined) return { bytes, bitsPerSecond: undefined, readAtMs: nowMs };
    const elapsedMs = nowMs - known.readAtMs;
    if (elapsedMs <= 0) return known;
    const bitsPerSecond = (Math.max(0, bytes - known.bytes) * 8000) / elapsedMs;
    const weight =
      known.bitsPerSecond === undefined || this.#smoothingMs === 0
        ? 1
        : 1 - Math.exp(-elapsedMs / this.#smoothingMs);
    const before = known.bitsPerSecond ?? 0;
    return {
      bytes,
      bitsPerSecond: before + weight * (bitsPerSecond - before),
      readAtMs: nowMs,
    };
  }

  #rate(domain: WorldDomain, pair: Pair, bitsPerSecond: number): PairRate {
    const other = this.#world.domains[pair.a === domain.index ? pair.b : pair.a];
    return { a: domain.address, b: other?.address ?? gatewayAddress, bitsPerSecond };
  }
}
