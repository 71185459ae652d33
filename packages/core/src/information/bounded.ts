/** Soft state that others can make grow: what has been known longest makes room. */

/** Drops the oldest entry when there are more than `max`; to be called after each one that was added. */
export function dropOldest<Key>(map: Map<Key, unknown>, max: number): void {
  if (map.size <= max) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
