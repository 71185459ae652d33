/**
 * How far apart two hosts are: a table lookup by the number of location levels that they do not share.
 *
 *   ['pod0', 'rack0'] and ['pod0', 'rack1'], table [0, 1, 3, 5]: levels 2, shared 1 → table[2] = 3
 *
 * The first entry is for one and the same host. Two hosts never share "the host itself", so hosts in
 * the same innermost location use the second.
 */

import type { HostId, Location } from './model.ts';

/** Distances by levels not shared: same host, same innermost location, one level further out, … */
export type DistanceTable = readonly number[];

/** Where something is held: enough of a host to know how far away it is. */
export type Place = Readonly<{ host: HostId; location: Location }>;

/** The table used when nothing else is configured: same host, same rack, same pod, elsewhere. */
export const DEFAULT_DISTANCE: DistanceTable = [0, 1, 3, 5];

/** The distance of two places; a table that is too short answers with its last entry. */
export function distance(table: DistanceTable, a: Place, b: Place): number {
  return a.host === b.host ? entry(table, 0) : locationDistance(table, a.location, b.location);
}

/** The distance of two different hosts at these locations. */
export function locationDistance(table: DistanceTable, a: Location, b: Location): number {
  const levels = Math.max(a.length, b.length);
  return entry(table, 1 + levels - sharedLevels(a, b));
}

/** The length of the common prefix of two locations. */
export function sharedLevels(a: Location, b: Location): number {
  const most = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < most && a[shared] === b[shared]) shared++;
  return shared;
}

function entry(table: DistanceTable, index: number): number {
  return table[Math.min(index, table.length - 1)] ?? 0;
}
