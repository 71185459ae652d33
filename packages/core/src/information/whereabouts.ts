/** What this host can say of where a domain is, from what it knows best: its register, its claims, hearsay. */

import type { HomeEntry } from '../claims/claim.ts';
import type { DomainId, DomainNotice, HostId, HostPlace, Whereabouts } from '../model/model.ts';
import type { HostState } from '../state.ts';

/** What a home announces of a domain that runs here. */
export function noticeOf(state: HostState, entry: HomeEntry): DomainNotice {
  const { domain, name, holder, version } = entry;
  return { domain, name, holder, version, addresses: state.samples.get(domain)?.addresses ?? [] };
}

/** Where a domain is, as this host knows it; undefined when it does not know its home. */
export function whereaboutsOf(
  state: HostState,
  domain: DomainId,
  nowMs: number,
): Whereabouts | undefined {
  const { self } = state.config;
  const entry = state.homes.get(domain);
  if (entry !== undefined) return { ...noticeOf(state, entry), home: self };
  const holding = state.holdings.get(domain);
  if (holding !== undefined) {
    const { home, version } = holding.claim;
    const { name } = holding.traits;
    return { domain, name, home, holder: holding.givenTo ?? self, version, addresses: [] };
  }
  const kept = state.information.shelf.find(domain, nowMs);
  const heard = heardOf(state, domain);
  if (heard === undefined || (kept !== undefined && kept.version >= heard.version)) return kept;
  return heard;
}

/** What was heard of a domain at another host; undefined when it does not tell its home. */
export function heardOf(state: HostState, domain: DomainId): Whereabouts | undefined {
  const known = state.directory.find(domain);
  // What was here and is no more is not here, whatever was heard of it since.
  if (known === undefined || known.home === null || known.home === state.config.self)
    return undefined;
  const { home, holder, version, name } = known;
  return { domain, name, home, holder, version, addresses: [] };
}

/** Where the hosts named in `told` are, as far as this host knows; always with itself. */
export function placesOf(state: HostState, told: readonly Whereabouts[]): readonly HostPlace[] {
  const { self, name, location } = state.config;
  const places = new Map<HostId, HostPlace>([[self, { host: self, name, location }]]);
  for (const { home, holder } of told) {
    for (const host of [home, holder]) {
      const place = places.has(host) ? undefined : state.directory.place(host);
      if (place !== undefined) places.set(host, place);
    }
  }
  return [...places.values()];
}
