/** The home ends claims that others hold: of one domain, and of the rest of its keep-together group. */

import type { DomainId } from '../model/model.ts';
import type { Turn } from '../state.ts';
import { type HomeEntry, takenBack } from './claim.ts';
import { setHome } from './registers.ts';

/**
 * A domain stays where it is after all. What is to be kept together with it, is here as well and was to leave, stays too:
 * agreed was that they go together. What is migrating already goes.
 */
export function bringGroupHome(turn: Turn, domain: DomainId): void {
  const { homes, config } = turn.state;
  const staying = homes.get(domain);
  const group = staying === undefined ? undefined : groupOf(turn, staying);
  if (staying === undefined || group === undefined) return;
  for (const entry of homes.values()) {
    if (entry.holder === config.self || entry.settlement !== null) continue;
    if (groupOf(turn, entry) !== group) continue;
    takeBack(turn, entry, `${staying.name} of its keep-together group stays`);
  }
}

/** By its definition here, or what was known of that before the agent started and has not measured yet. */
function groupOf({ state }: Turn, { domain, policy }: HomeEntry): string | undefined {
  const known = state.sample === null ? policy : state.samples.get(domain)?.traits.policy;
  return known?.keepTogether;
}

/** The home ends a claim that another host holds. */
export function takeBack(turn: Turn, entry: HomeEntry, why: string): void {
  const { state, nowMs } = turn;
  const taken = takenBack(entry, state.config.self);
  setHome(turn, taken);
  state.refused.delete(entry.domain);
  if (entry.holder === state.config.self) return;
  turn.send(entry.holder, {
    kind: 'revoked',
    domain: entry.domain,
    version: taken.version,
    detail: why,
  });
  turn.file({
    kind: 'fact',
    atMs: nowMs,
    domain: entry.domain,
    detail: `claim taken back from ${state.directory.hostName(entry.holder)}: ${why}`,
  });
  turn.log('info', 'claim-taken-back', `Took the claim on ${entry.name} back: ${why}.`, {
    domain: entry.domain,
    holder: entry.holder,
  });
  bringGroupHome(turn, entry.domain);
}
