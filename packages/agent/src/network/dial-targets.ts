/**
 * Whom an agent stays connected to. Up to 64 members everybody to everybody; beyond that to neighbours on
 * a ring at distances 1, 2, 4, 8 …, both ways round, which keeps any cluster connected within a few
 * hops for the roster; other peers are dialled when there is something to say to them.
 */

import type { HostId } from '@barter/core';

export const fullMeshMax = 64;

/** The members to stay connected to; `self` is left out. If A has B as a target, B has A. */
export function dialTargets(self: HostId, members: Iterable<HostId>): readonly HostId[] {
  const ring = [...new Set([...members, self])].sort();
  const others = ring.filter((host) => host !== self);
  if (ring.length <= fullMeshMax) return others;
  const place = ring.indexOf(self);
  const targets = new Set<HostId>();
  for (let step = 1; step <= ring.length / 2; step *= 2) {
    for (const index of [place + step, place - step + ring.length]) {
      const host = ring[index % ring.length];
      if (host !== undefined && host !== self) targets.add(host);
    }
  }
  return [...targets];
}
