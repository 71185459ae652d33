/**
 * Where every domain is, as far as messages have told this host: from load summaries (each home speaks
 * for its own domains) and from the books of deals (hints, until gossip catches up). The entry with the
 * highest version wins.
 */

import type { DomainId, DomainNotice, HostId, LoadSummary, Location } from './model.ts';

export type Whereabouts = Readonly<{
  home: HostId | null;
  holder: HostId;
  version: number;
  name: string;
}>;

export type KnownPeer = Readonly<{ summary: LoadSummary; receivedAtMs: number }>;

export class Directory {
  readonly peers = new Map<HostId, KnownPeer>();
  readonly #domains = new Map<DomainId, Whereabouts>();
  readonly #addresses = new Map<string, DomainId>();
  /** Which domains each home named last, to notice those it no longer names. */
  readonly #named = new Map<HostId, ReadonlySet<DomainId>>();

  /** Takes in a summary unless a later one of the same host is known; says whether it was news. */
  learn(summary: LoadSummary, receivedAtMs: number): boolean {
    const known = this.peers.get(summary.host);
    if (known !== undefined && known.summary.sequence >= summary.sequence) return false;
    this.peers.set(summary.host, { summary, receivedAtMs });
    const named = new Set<DomainId>();
    for (const notice of summary.domains) {
      named.add(notice.domain);
      this.#learnNotice(summary.host, notice);
    }
    for (const domain of this.#named.get(summary.host) ?? []) {
      if (!named.has(domain) && this.#domains.get(domain)?.home === summary.host)
        this.#domains.delete(domain);
    }
    this.#named.set(summary.host, named);
    return true;
  }

  #learnNotice(home: HostId, notice: DomainNotice): void {
    for (const address of notice.addresses) this.#addresses.set(address, notice.domain);
    const known = this.#domains.get(notice.domain);
    // At one version the home's word goes over a hint, and a new home's over its predecessor's.
    if (known !== undefined && known.version > notice.version) return;
    const { holder, version, name } = notice;
    this.#domains.set(notice.domain, { home, holder, version, name });
  }

  /** What a deal or a book told: not authoritative, but newer than gossip. */
  hint(domain: DomainId, holder: HostId, version: number): void {
    const known = this.#domains.get(domain);
    if (known !== undefined && known.version >= version) return;
    this.#domains.set(domain, {
      home: known?.home ?? null,
      holder,
      version,
      name: known?.name ?? domain,
    });
  }

  find(domain: DomainId): Whereabouts | undefined {
    return this.#domains.get(domain);
  }

  byAddress(address: string): DomainId | undefined {
    return this.#addresses.get(address);
  }

  location(host: HostId): Location | undefined {
    return this.peers.get(host)?.summary.location;
  }

  hostName(host: HostId): string {
    return this.peers.get(host)?.summary.name ?? host;
  }

  /** A host that is no longer a member says nothing any more. */
  forget(host: HostId): void {
    this.peers.delete(host);
    for (const domain of this.#named.get(host) ?? []) {
      if (this.#domains.get(domain)?.home === host) this.#domains.delete(domain);
    }
    this.#named.delete(host);
  }

  /** Every domain known from others. */
  entries(): IterableIterator<[DomainId, Whereabouts]> {
    return this.#domains.entries();
  }
}
