/** Whether this host trades at all now, and whether it is free to. */

import type { DeclineReason } from '../message.ts';
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
  for (const deal of state.deals.values())
    if (deal.phase === 'proposed' || deal.phase === 'accepted') return deal;
  return undefined;
}
