/**
 * What this host keeps for others as a keeper of regions: who stands there, by each one's own word. A region is a
 * location, or what lies around it: of ['pod0', 'rack3'] the rack, and its pod. Soft state, and bounded.
 */

import { mixed } from '../model/hash.ts';
import type { HostId, HostPlace, Location } from '../model/model.ts';

const regionsMax = 4_096;
const standingMax = 512;
const levelsMax = 8;
/** Hosts named in one answer. */
export const namedMax = 8;

type Standing = Map<HostId, Readonly<{ place: HostPlace; untilMs: number }>>;

/** The key of a region on the ring, where domains and addresses have theirs as well. */
export function keyOf(region: Location): string {
  return `region ${region.join('\n')}`;
}

/** The location itself, then what lies around it, level by level; none for hosts without a location. */
export function regionsOf(location: Location): readonly Location[] {
  const levels = Math.min(levelsMax, location.length);
  return Array.from({ length: levels }, (_, n) => location.slice(0, levels - n));
}

export class RegionShelf {
  readonly #regions = new Map<string, Standing>();

  keep(place: HostPlace, region: Location, untilMs: number): void {
    if (region.length === 0 || region.length > levelsMax) return;
    const key = keyOf(region);
    let standing = this.#regions.get(key);
    if (standing === undefined) {
      if (this.#regions.size >= regionsMax) return;
      standing = new Map();
      this.#regions.set(key, standing);
    }
    if (standing.size < standingMax || standing.has(place.host))
      standing.set(place.host, { place, untilMs });
  }

  /** Some of those that stand in a region; others at other times, when there are many. */
  draw(region: Location, nowMs: number): readonly HostPlace[] {
    const standing = [...(this.#regions.get(keyOf(region))?.values() ?? [])];
    const there = standing.filter(({ untilMs }) => untilMs > nowMs).map(({ place }) => place);
    if (there.length <= namedMax) return there;
    const start = mixed(Math.floor(nowMs)) % there.length;
    return [...there.slice(start), ...there.slice(0, start)].slice(0, namedMax);
  }

  /** What was not said again in time is forgotten. */
  expire(nowMs: number): void {
    for (const [key, standing] of this.#regions) {
      for (const [host, { untilMs }] of standing) if (untilMs <= nowMs) standing.delete(host);
      if (standing.size === 0) this.#regions.delete(key);
    }
  }

  /** It is no member any more. */
  forget(host: HostId): void {
    for (const standing of this.#regions.values()) standing.delete(host);
  }
}
