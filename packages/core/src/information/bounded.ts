/**
 * What others can make grow. Soft state: what has been known longest makes room. Lists in messages: no longer than a
 * message may hold, on both ways.
 */

import type { DomainId } from '../model/model.ts';

/** Domains in one message, at most. */
export const domainsPerMessage = 256;

/** Drops the oldest entry when there are more than `max`; to be called after each one that was added. */
export function dropOldest<Key>(map: Map<Key, unknown>, max: number): void {
  if (map.size <= max) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

/** As many of a peer's list as a message may hold; nearly always that is all of it. */
export function bounded<Item>(items: readonly Item[]): readonly Item[] {
  return items.length > domainsPerMessage ? items.slice(0, domainsPerMessage) : items;
}

/** Our own list, in as many pieces as it needs. */
export function chunks(domains: ReadonlySet<DomainId>): readonly (readonly DomainId[])[] {
  const all = [...domains];
  if (all.length <= domainsPerMessage) return [all];
  const some: DomainId[][] = [];
  for (let start = 0; start < all.length; start += domainsPerMessage)
    some.push(all.slice(start, start + domainsPerMessage));
  return some;
}
