/**
 * What settlements brought here. The old home may ask long after, when it runs here no more: gone on, shut down or
 * paused by hand. That it ran here stays true, and is remembered for the last so many arrivals.
 */

import type { SettlementId } from './model.ts';
import type { DomainPresence } from './ports.ts';
import type { Located, Reservation } from './settlement.ts';
import type { HostState, Turn } from './state.ts';

/** Homes that were away for more arrivals than this hear only what the hypervisor says. */
const arrivedMax = 1_024;

export function rememberArrival(turn: Turn, { settlement, domain }: Reservation): void {
  const { arrived } = turn.state;
  arrived.add(settlement);
  turn.record({ kind: 'arrived', key: settlement, value: { domain } });
  const [oldest] = arrived;
  if (arrived.size <= arrivedMax || oldest === undefined) return;
  arrived.delete(oldest);
  turn.record({ kind: 'arrived', key: oldest, value: null });
}

/** What to tell the home of a settlement that asks where its domain is. */
export function locatedHere(
  state: HostState,
  settlement: SettlementId,
  presence: DomainPresence,
): Located {
  if (presence.state === 'running' || presence.state === 'migrating-out') return 'running';
  if (state.arrived.has(settlement)) return 'arrived';
  return presence.state === 'absent' ? 'absent' : 'paused';
}
