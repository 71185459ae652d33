/**
 * What this host knows of others: the last load summaries it heard, where hosts are, and where the domains
 * are that its own domains talk to. Nobody knows everything; whoever needs to know asks (`seeking.ts`).
 *
 * Of a domain the highest version counts, and at one version its home's word over anybody else's. Hearsay of
 * a version that the home does not confirm within a moment is dropped for what the home says.
 */

import type { DomainId, HostId, HostPlace, LoadSummary, Location } from '../model/model.ts';
import { dropOldest } from './bounded.ts';
import { PeerTable } from './peer-table.ts';

/** Where a domain is, as far as this host was told. */
export type KnownDomain = Readonly<{
  /** Null when only its holder is known. */
  home: HostId | null;
  holder: HostId;
  version: number;
  name: string;
}> & {
  /** The home itself said so. */
  certain: boolean;
  heardAtMs: number;
};

/** What is told of a domain; without a name or home, those known before stay. */
export type ToldDomain = Readonly<{
  home: HostId | null;
  holder: HostId;
  version: number;
  name?: string;
}>;

/** Summaries heard longest ago make room, some at a time: partners repeat theirs, and chance brings others. */
const peersMax = 128;
const peersKept = 96;
const domainsMax = 8_192;
const addressesMax = 8_192;
/** A deal is known to those who made it a moment before the domain's home has registered it. */
const hearsayMs = 15_000;

export class Directory {
  /** The one too many is there for a moment. */
  readonly peers = new PeerTable(peersMax + 1);
  /** Counts up whenever something else is known of where a domain is. */
  changes = 0;
  readonly #places = new Map<HostId, HostPlace>();
  readonly #domains = new Map<DomainId, KnownDomain>();
  readonly #addresses = new Map<string, DomainId>();
  /** The same of hosts whose summary made room for others: they may be heard of again before. */
  readonly #hopelessUntilMs = new Map<HostId, number>();
  /** Counts up whenever an address gets or loses its name. */
  namings = 0;
  /** Counts up whenever something else than before is known of where a domain is (its version too) or a host stands. */
  placings = 0;

  /** Takes in a summary unless a later one of the same host is known; says whether it was news. */
  learn(summary: LoadSummary, receivedAtMs: number): boolean {
    const { host, name, location } = summary;
    const known = this.peers.get(host);
    if (known !== undefined && known.summary.sequence >= summary.sequence) return false;
    const before = known?.summary;
    if (before?.name !== name || !isSamePlace(before.location, location))
      this.#setPlace({ host, name, location });
    if (known !== undefined) {
      known.hear(summary, receivedAtMs);
      return true;
    }
    const hopelessUntilMs = this.#hopelessUntilMs.get(host) ?? 0;
    this.#hopelessUntilMs.delete(host);
    this.peers.add(summary, receivedAtMs, hopelessUntilMs);
    if (this.peers.size > peersMax) this.#drop(this.peers.stalest(this.peers.size - peersKept));
    return true;
  }

  #drop(hosts: ReadonlySet<HostId>): void {
    for (const host of hosts) {
      const hopelessUntilMs = this.peers.get(host)?.hopelessUntilMs ?? 0;
      if (hopelessUntilMs > 0) this.#hopelessUntilMs.set(host, hopelessUntilMs);
    }
    this.peers.drop(hosts);
  }

  /** Something may be to gain with this host that was not before; without a host, with any. */
  lookAgainAt(host?: HostId): void {
    if (host === undefined) {
      this.#hopelessUntilMs.clear();
      this.peers.hopeAgain();
      return;
    }
    const known = this.peers.get(host);
    if (known === undefined) this.#hopelessUntilMs.delete(host);
    else known.hopelessUntilMs = 0;
  }

  /** Whether a host's summary came in within so long. */
  hasHeard(host: HostId, nowMs: number, withinMs: number): boolean {
    const known = this.peers.get(host);
    return known !== undefined && nowMs - known.receivedAtMs <= withinMs;
  }

  /** Where a host is, by its own word (`certain`) or somebody else's. */
  learnPlace(place: HostPlace, certain: boolean): void {
    if (certain || !this.#places.has(place.host)) this.#setPlace(place);
  }

  #setPlace(place: HostPlace): void {
    const known = this.#places.get(place.host);
    const isKnown = known !== undefined;
    if (isKnown && known.name === place.name && isSamePlace(known.location, place.location)) return;
    if (isKnown) this.placings += 1;
    this.#places.set(place.host, place);
  }

  /** So many hosts are known to stand somewhere. */
  get placesKnown(): number {
    return this.#places.size;
  }

  /**
   * Takes in where a domain is; `certain` when its home says so. `by` is who says it otherwise: that it does not hold a
   * claim (any more) a host knows best. Says whether anything changed.
   */
  learnDomain(
    domain: DomainId,
    told: ToldDomain,
    certain: boolean,
    nowMs: number,
    by?: HostId,
  ): boolean {
    const known = this.#domains.get(domain);
    const isDenied = known?.holder === by && told.holder !== by && told.version === known?.version;
    if (known !== undefined && !isDenied && !isBetter(told, certain, known, nowMs)) {
      // A deal's book names holders only: the home behind one and the same version is worth adding.
      if (known.version !== told.version || known.home !== null || told.home === null) return false;
      this.#domains.set(domain, { ...known, home: told.home, name: told.name ?? known.name });
      this.changes += 1;
      this.placings += 1;
      return true;
    }
    const { holder, version } = told;
    const home = told.home ?? known?.home ?? null;
    const name = told.name ?? known?.name ?? domain;
    if (known !== undefined && isSameWord(known, { home, holder, version, name })) {
      known.certain = certain;
      known.heardAtMs = nowMs;
      return false;
    }
    this.placings += 1;
    this.#domains.set(domain, { home, holder, version, name, certain, heardAtMs: nowMs });
    dropOldest(this.#domains, domainsMax);
    const isChanged = known === undefined || known.holder !== holder || known.home !== home;
    if (isChanged) this.changes += 1;
    return isChanged;
  }

  learnAddress(address: string, domain: DomainId): void {
    this.namings += 1;
    this.#addresses.set(address, domain);
    dropOldest(this.#addresses, addressesMax);
  }

  find(domain: DomainId): KnownDomain | undefined {
    return this.#domains.get(domain);
  }

  byAddress(address: string): DomainId | undefined {
    return this.#addresses.get(address);
  }

  place(host: HostId): HostPlace | undefined {
    return this.#places.get(host);
  }

  location(host: HostId): Location | undefined {
    return this.#places.get(host)?.location;
  }

  hostName(host: HostId): string {
    return this.#places.get(host)?.name ?? host;
  }

  /**
   * The home says that it does not run this domain (any more), and knows nothing of where it is; or, where nobody knows the
   * home, the holder that it does not hold it.
   */
  disown(domain: DomainId, by: HostId): boolean {
    const known = this.#domains.get(domain);
    if (known === undefined || (known.home ?? known.holder) !== by) return false;
    this.#domains.delete(domain);
    this.changes += 1;
    this.placings += 1;
    this.namings += 1;
    for (const [address, owner] of this.#addresses)
      if (owner === domain) this.#addresses.delete(address);
    return true;
  }

  /** A host that is no longer a member says nothing any more, and runs nothing for us. */
  forget(host: HostId): void {
    this.#drop(new Set([host]));
    this.#places.delete(host);
    this.changes += 1;
    this.placings += 1;
    for (const [domain, known] of this.#domains)
      if (known.home === host) this.#domains.delete(domain);
  }
}

function isSameWord(one: KnownDomain, other: Required<ToldDomain>): boolean {
  return (
    one.home === other.home &&
    one.holder === other.holder &&
    one.version === other.version &&
    one.name === other.name
  );
}

function isSamePlace(one: Location, other: Location): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((level, n) => level === other[n]);
}

function isBetter(told: ToldDomain, certain: boolean, known: KnownDomain, nowMs: number): boolean {
  if (told.version > known.version) return true;
  if (!certain) return false;
  if (told.version === known.version) return true;
  // A home that lost its memory, or hearsay that it does not confirm; messages in disorder are younger.
  const isOld = Math.abs(nowMs - known.heardAtMs) > hearsayMs;
  return isOld && (!known.certain || known.home === told.home);
}
