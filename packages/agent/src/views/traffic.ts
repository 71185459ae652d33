/** Who talks to whom, and what it costs where they run now. */

import { type DomainId, distance, type HostId, type HostState, locationOf } from '@barter/core';
import type { TrafficView } from '../api.ts';
import { domainName, homeOf, hostName } from './names.ts';

type Pair = { a: DomainId; b: DomainId | 'external'; bitsPerSecond: number };

/** Every pair that a domain at home here takes part in, dearest first. */
export function trafficView(state: HostState, limit: number): readonly TrafficView[] {
  return pairs(state)
    .map((pair) => describe(state, pair))
    .sort((one, other) => other.cost - one.cost || other.bitsPerSecond - one.bitsPerSecond)
    .slice(0, limit);
}

/** Σ rate · distance over the pairs with a domain at home here; bit/s. */
export function networkCost(state: HostState): number {
  return pairs(state).reduce((sum, pair) => sum + costOf(state, pair), 0);
}

function pairs(state: HostState): Pair[] {
  const found = new Map<string, Pair>();
  for (const [domain, row] of state.rows) {
    for (const { partner, bitsPerSecond } of row) {
      const key =
        partner === 'external' ? `${domain} external` : [domain, partner].toSorted().join(' ');
      const known = found.get(key);
      // Both ends see the same frames; the smaller reading is the staler.
      if (known === undefined || known.bitsPerSecond < bitsPerSecond)
        found.set(key, { a: domain, b: partner, bitsPerSecond });
    }
  }
  return [...found.values()];
}

function describe(state: HostState, pair: Pair): TrafficView {
  const { a, b, bitsPerSecond } = pair;
  const bHome = b === 'external' ? null : homeOf(state, b);
  const aHome = homeOf(state, a);
  return {
    a: domainName(state, a),
    b: b === 'external' ? 'external' : domainName(state, b),
    aHost: aHome === null ? null : hostName(state, aHome),
    bHost: bHome === null ? null : hostName(state, bHome),
    bitsPerSecond,
    cost: costOf(state, pair),
  };
}

function costOf(state: HostState, { a, b, bitsPerSecond }: Pair): number {
  if (b === 'external') return 0;
  const here = place(state, homeOf(state, a));
  const there = place(state, homeOf(state, b));
  if (here === null || there === null) return 0;
  return bitsPerSecond * distance(state.config.cost.distance, here, there);
}

function place(state: HostState, host: HostId | null) {
  const location = host === null ? undefined : locationOf(state, host);
  return host === null || location === undefined ? null : { host, location };
}
