/**
 * Busy cores of each domain, smoothed: the difference of two readings of its CPU time, weighed so that
 * what is older than the smoothing time hardly counts.
 */

export type CpuReading = Readonly<{ atMs: number; cpuNs: number }>;

type Meter = { last: CpuReading; cores: number | null };

export class CpuMeter {
  readonly #smoothingMs: number;
  readonly #meters = new Map<string, Meter>();

  constructor(smoothingMs: number) {
    this.#smoothingMs = smoothingMs;
  }

  /** Busy cores, smoothed; 0 until there are two readings. A clock or counter that ran backwards starts anew. */
  read(domain: string, reading: CpuReading): number {
    const meter = this.#meters.get(domain);
    if (meter === undefined || reading.atMs < meter.last.atMs || reading.cpuNs < meter.last.cpuNs) {
      this.#meters.set(domain, { last: reading, cores: meter?.cores ?? null });
      return meter?.cores ?? 0;
    }
    const elapsedMs = reading.atMs - meter.last.atMs;
    if (elapsedMs === 0) return meter.cores ?? 0;
    const cores = (reading.cpuNs - meter.last.cpuNs) / 1e6 / elapsedMs;
    const weight = meter.cores === null ? 1 : 1 - Math.exp(-elapsedMs / this.#smoothingMs);
    meter.cores = (meter.cores ?? 0) * (1 - weight) + cores * weight;
    meter.last = reading;
    return meter.cores;
  }

  /** Forgets every domain that is not among these. */
  keep(domains: ReadonlySet<string>): void {
    for (const domain of this.#meters.keys()) {
      if (!domains.has(domain)) this.#meters.delete(domain);
    }
  }
}
