/**
 * What this host keeps for others as one of the keepers of a domain or an address: the last announcement
 * of each home. Soft state: what is not announced again in time is forgotten.
 *
 * A home speaks for its own domains only, and of two homes that claim one domain the higher version
 * stands. Bounded: one member cannot fill the shelf alone, and all together cannot either.
 */

import type { DomainId, DomainNotice, HostId, Whereabouts } from '../model/model.ts';

/** One host runs a few hundred domains; thousands are somebody gone wrong. */
const perHomeMax = 4_096;
const keptMax = 65_536;

/** Messages overtake each other by no more than this. */
const overtakingMs = 15_000;

type Kept = Readonly<{ whereabouts: Whereabouts; keptAtMs: number; keptUntilMs: number }>;

export class Shelf {
  /** In order of `keptUntilMs`: what is announced again goes to the end. */
  readonly #domains = new Map<DomainId, Kept>();
  readonly #addresses = new Map<string, DomainId>();
  readonly #perHome = new Map<HostId, number>();

  get size(): number {
    return this.#domains.size;
  }

  /** Keeps what `home` announced. Returns another home's announcement that stands in its way. */
  keep(
    home: HostId,
    notice: DomainNotice,
    nowMs: number,
    keptUntilMs: number,
  ): Whereabouts | undefined {
    this.#expire(nowMs);
    const known = this.#domains.get(notice.domain);
    if (known !== undefined) {
      const { whereabouts, keptAtMs } = known;
      if (whereabouts.home !== home) {
        if (whereabouts.version >= notice.version) return whereabouts;
      } else if (whereabouts.version > notice.version && nowMs - keptAtMs <= overtakingMs) {
        // An older announcement that came late. Much later it is a home that lost its memory.
        return undefined;
      }
      this.#drop(whereabouts);
    }
    const count = this.#perHome.get(home) ?? 0;
    if (count >= perHomeMax || this.#domains.size >= keptMax) return undefined;
    this.#perHome.set(home, count + 1);
    this.#domains.set(notice.domain, {
      whereabouts: { ...notice, home },
      keptAtMs: nowMs,
      keptUntilMs,
    });
    for (const address of notice.addresses) this.#addresses.set(address, notice.domain);
    return undefined;
  }

  find(domain: DomainId, nowMs: number): Whereabouts | undefined {
    const kept = this.#domains.get(domain);
    return kept === undefined || kept.keptUntilMs <= nowMs ? undefined : kept.whereabouts;
  }

  byAddress(address: string, nowMs: number): Whereabouts | undefined {
    const domain = this.#addresses.get(address);
    return domain === undefined ? undefined : this.find(domain, nowMs);
  }

  /** A home says that it does not run this domain any more. */
  disown(domain: DomainId, home: HostId): void {
    const kept = this.#domains.get(domain);
    if (kept?.whereabouts.home === home) this.#drop(kept.whereabouts);
  }

  /** What a host announced that is no longer a member. */
  forget(home: HostId): void {
    if (!this.#perHome.has(home)) return;
    for (const { whereabouts } of [...this.#domains.values()])
      if (whereabouts.home === home) this.#drop(whereabouts);
  }

  #expire(nowMs: number): void {
    for (const { whereabouts, keptUntilMs } of this.#domains.values()) {
      if (keptUntilMs > nowMs) return;
      this.#drop(whereabouts);
    }
  }

  #drop({ domain, home, addresses }: Whereabouts): void {
    this.#domains.delete(domain);
    for (const address of addresses)
      if (this.#addresses.get(address) === domain) this.#addresses.delete(address);
    const left = (this.#perHome.get(home) ?? 1) - 1;
    if (left === 0) this.#perHome.delete(home);
    else this.#perHome.set(home, left);
  }
}
