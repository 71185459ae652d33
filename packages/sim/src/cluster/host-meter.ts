/**
 * What the agent of a simulated machine measures: its hypervisor's sample with the rates of its traffic counters. What is as it
 * was is the very same object, as often as thousands of hosts are measured.
 */

import type { DomainSample, HostId, HostSample, HypervisorSample } from '@barter/core';
import { SimTrafficProbe } from '../adapter/traffic-probe.ts';
import type { World } from '../world/world.ts';

const noRates: DomainSample['rates'] = [];

export class HostMeter {
  readonly #world: World;
  readonly #host: HostId;
  readonly #probe: SimTrafficProbe;
  #shown: HypervisorSample | undefined;
  /** The domains as they were measured last, in the order of what is shown. */
  #domains: readonly DomainSample[] = [];
  /** Addresses of the domains that are shown. */
  #local: ReadonlySet<string> = new Set();

  /** `smoothingSeconds` as the probe has it. */
  constructor(world: World, host: HostId, smoothingSeconds: number) {
    this.#world = world;
    this.#host = host;
    this.#probe = new SimTrafficProbe(world, host, smoothingSeconds);
  }

  start(): void {
    void this.#probe.start();
  }

  /** The counters stay, as they do in a kernel. */
  stop(): void {
    void this.#probe.close();
  }

  measure(): HostSample {
    const shown = this.#world.sample(this.#host);
    // The world makes another sample when another domain is there or one of them has changed.
    if (this.#shown !== shown) {
      this.#shown = shown;
      this.#local = new Set(shown.domains.flatMap(({ addresses }) => addresses));
      this.#domains = [];
    }
    const { ratesOf, measured } = this.#probe.ratesNow(this.#local);
    this.#domains = shown.domains.map((domain, n) => {
      const rates = ratesAt(domain, ratesOf);
      const before = this.#domains[n];
      return before?.rates === rates ? before : { ...domain, rates };
    });
    return {
      capacity: shown.capacity,
      hostCpu: shown.hostCpu,
      hostMemoryBytes: shown.hostMemoryBytes,
      domains: this.#domains,
      trafficMeasured: measured,
      migrationWindowOpen: true,
    };
  }
}

/** What was measured at all addresses of a domain; nearly all have one. */
function ratesAt(
  { addresses }: HypervisorSample['domains'][number],
  ratesOf: ReadonlyMap<string, DomainSample['rates']>,
): DomainSample['rates'] {
  const [address] = addresses;
  if (addresses.length === 1 && address !== undefined) return ratesOf.get(address) ?? noRates;
  return addresses.flatMap((one) => ratesOf.get(one) ?? noRates);
}
