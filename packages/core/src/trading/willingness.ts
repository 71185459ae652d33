/** Whether this host trades at all now, whether it is free to, and with whom it could. */

import { distrustOf } from '../credibility/standing.ts';
import type { KnownPeer } from '../information/peer-table.ts';
import type { DeclineReason } from '../message.ts';
import type { HostId } from '../model/model.ts';
import type { HostState } from '../state.ts';
import type { Deal } from './deal.ts';

/** Why this host does not trade now; null when it does. One sentence. */
export function whyNotTrading(
  state: HostState,
  nowMs: number,
): Readonly<{
  reason: DeclineReason;
  detail: string;
}> | null {
  if (state.settings.mode === 'observe')
    return { reason: 'not-trading', detail: 'the mode is observe' };
  if (state.settings.stopped) return { reason: 'not-trading', detail: 'an operator stopped it' };
  if (state.pausing) return { reason: 'not-trading', detail: 'its agent is about to end' };
  if (state.sample === null || !state.sample.trafficMeasured)
    return { reason: 'not-measured', detail: 'the traffic is not measured for long enough yet' };
  if (state.unmeasured !== null)
    return { reason: 'not-measured', detail: `this host cannot be measured: ${state.unmeasured}` };
  if (Math.abs(nowMs - state.sampledAtMs) > state.config.timing.staleMs)
    return { reason: 'not-measured', detail: 'the last measurement is too old' };
  return null;
}

/** The deal whose outcome is still open to this host, if there is one. */
export function undecidedDeal(state: HostState): Deal | undefined {
  for (const deal of state.openDeals.values())
    if (deal.phase === 'proposed' || deal.phase === 'accepted') return deal;
  return undefined;
}

/** Of these, whoever would answer a proposal now, as far as its summary tells, and is let through by `isOpen`. */
export function tradingPeers(
  state: HostState,
  nowMs: number,
  peers: readonly KnownPeer[] = state.directory.peers.values(),
  isOpen: (host: HostId) => boolean = () => true,
): readonly KnownPeer[] {
  const { timing } = state.config;
  const found: KnownPeer[] = [];
  for (const known of peers) {
    const { summary } = known;
    const { host } = summary;
    // First of all, because in a large cluster nearly everybody has been tried a moment ago.
    if (!isOpen(host)) continue;
    if (nowMs - known.receivedAtMs > timing.staleMs || !state.connected.has(host)) continue;
    if (distrustOf(state, host, nowMs) !== null) continue;
    if (summary.mode === 'observe' || summary.stopped || !summary.measured) continue;
    found.push(known);
  }
  return found;
}
