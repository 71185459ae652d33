/**
 * Measures this host: what the hypervisor runs and what the probe counted, joined to one sample.
 * A measurement that fails is reported as such; it never becomes an empty one.
 */

import type { DomainSample, HostSample, Hypervisor, PairRate, TrafficProbe } from '@barter/core';
import { type MigrationWindow, windowOpen } from './config/windows.ts';

export type Sampler = Readonly<{
  /** Rejects when the hypervisor or the probe cannot be asked. */
  measure(): Promise<HostSample>;
  /** What made the last measurement incomplete, one sentence each. */
  problems(): readonly string[];
}>;

export function createSampler(
  options: Readonly<{
    hypervisor: Hypervisor;
    probe: TrafficProbe;
    windows: readonly MigrationWindow[];
    /** Local time, for the migration windows. */
    now(): Date;
  }>,
): Sampler {
  const { hypervisor, probe, windows, now } = options;
  let problems: readonly string[] = [];
  return {
    problems: () => problems,
    async measure() {
      const host = await hypervisor.sample();
      const local = new Set(host.domains.flatMap(({ addresses }) => addresses));
      const reading = await probe.read(local);
      problems = reading.problems;
      const rates = ratesByAddress(reading.rates);
      const domains: DomainSample[] = host.domains.map((domain) => ({
        ...domain,
        rates: domain.addresses.flatMap((address) => rates.get(address) ?? []),
      }));
      const time = now();
      return {
        ...host,
        domains,
        trafficMeasured: reading.measured,
        migrationWindowOpen: windowOpen(
          windows,
          time.getDay(),
          time.getHours() * 60 + time.getMinutes(),
        ),
      };
    },
  };
}

type Rates = { address: string; bitsPerSecond: number }[];

/** Each pair seen from both ends. */
function ratesByAddress(pairs: readonly PairRate[]): ReadonlyMap<string, Rates> {
  const rates = new Map<string, Rates>();
  const add = (own: string, address: string, bitsPerSecond: number): void => {
    const list = rates.get(own);
    if (list === undefined) rates.set(own, [{ address, bitsPerSecond }]);
    else list.push({ address, bitsPerSecond });
  };
  for (const { a, b, bitsPerSecond } of pairs) {
    add(a, b, bitsPerSecond);
    add(b, a, bitsPerSecond);
  }
  return rates;
}
