/** Names for people: hosts and domains as operators call them, ids where nobody knows better. */

import type { DomainId, HostId, HostState } from '@barter/core';

export function hostName(state: HostState, host: HostId): string {
  return host === state.config.self ? state.config.name : state.directory.hostName(host);
}

export function domainName(state: HostState, domain: DomainId): string {
  return (
    state.homes.get(domain)?.name ??
    state.holdings.get(domain)?.traits.name ??
    state.directory.find(domain)?.name ??
    domain
  );
}

/** A host by name or peer id, ourselves included. */
export function findHost(state: HostState, text: string): HostId | undefined {
  if (text === state.config.self || text === state.config.name) return state.config.self;
  for (const { summary } of state.directory.peers.values())
    if (summary.host === text || summary.name === text) return summary.host;
  return undefined;
}

/** A domain at home here, by name or UUID. */
export function findDomain(state: HostState, text: string): DomainId | undefined {
  for (const entry of state.homes.values())
    if (entry.domain === text || entry.name === text) return entry.domain;
  return undefined;
}

/** Where a domain is running, as far as this host knows. */
export function homeOf(state: HostState, domain: DomainId): HostId | null {
  if (state.homes.has(domain)) return state.config.self;
  return state.holdings.get(domain)?.claim.home ?? state.directory.find(domain)?.home ?? null;
}
