/**
 * What this host writes down about claims: the register of the domains that are at home here, the claims that it holds on
 * others, and the versions of those that have left. Whatever follows from a change (what trading has to look at anew,
 * which lease ends next) is noted here, so that nobody who changes them has to think of it.
 */

import type { HostTiming } from '../config.ts';
import type { DomainId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { isHeldHere } from './book.ts';
import type { Holding, HomeEntry } from './claim.ts';

/** More than any host has run and does not run any more. */
const formerVersionsMax = 8_192;

export function setHome(turn: Turn, changed: HomeEntry, durable = true): void {
  const { homes, information, config } = turn.state;
  const { domain, holder, version } = changed;
  const { awaitedSinceMs, ...atHome } = changed;
  const entry: HomeEntry =
    holder === config.self ? atHome : { ...atHome, awaitedSinceMs: awaitedSinceMs ?? turn.nowMs };
  const before = homes.get(domain);
  const wasHeld = isHeldHere(turn.state, domain);
  homes.set(domain, entry);
  if (entry.leaseExpiresAtMs !== null && entry.settlement === null)
    noteLease(turn.state, entry.leaseExpiresAtMs);
  if (before?.holder !== holder || before.version !== version) {
    turn.tell(domain);
    if (wasHeld !== isHeldHere(turn.state, domain)) {
      information.revision += 1;
      turn.state.paperLoad = undefined;
    }
    information.registrations += 1;
    information.interestChanged ||= before === undefined;
  }
  if (durable) turn.record({ kind: 'home', key: domain, value: entry });
}

export function dropHome(turn: Turn, domain: DomainId): void {
  const { homes, refused, information } = turn.state;
  rememberVersion(turn, homes.get(domain));
  const wasHeld = isHeldHere(turn.state, domain);
  homes.delete(domain);
  refused.delete(domain);
  turn.tell(domain);
  // What was held elsewhere has settled there: on paper it had left before.
  if (wasHeld) information.revision += 1;
  information.interestChanged = true;
  turn.state.paperLoad = undefined;
  turn.record({ kind: 'home', key: domain, value: null });
}

/** It is at home here again, with a version above that one. */
export function forgetVersion(turn: Turn, domain: DomainId): void {
  if (turn.state.formerVersions.delete(domain))
    turn.record({ kind: 'former', key: domain, value: null });
}

/** Should the domain come back, its versions go on from here: a claim of before may still be held somewhere. */
function rememberVersion(turn: Turn, entry: HomeEntry | undefined): void {
  if (entry === undefined) return;
  const { formerVersions } = turn.state;
  const { domain, version } = entry;
  formerVersions.delete(domain);
  formerVersions.set(domain, version);
  turn.record({ kind: 'former', key: domain, value: { version } });
  const [oldest] = formerVersions.keys();
  if (formerVersions.size > formerVersionsMax && oldest !== undefined) forgetVersion(turn, oldest);
}

export function setHolding(turn: Turn, holding: Holding, durable = true): void {
  const { holdings, information } = turn.state;
  const { domain } = holding.claim;
  const before = holdings.get(domain);
  if (before === undefined || before.givenTo !== holding.givenTo) {
    information.revision += 1;
    information.interestChanged = true;
  }
  holdings.set(domain, holding);
  noteLease(turn.state, renewalMs(holding, turn.state.config.timing));
  if (before === undefined || countsDifferently(holding, before)) turn.state.paperLoad = undefined;
  if (durable) turn.record({ kind: 'holding', key: domain, value: holding });
}

/** Whether a holding is offered as something else than before, or is held no more. */
function countsDifferently(now: Holding, before: Holding): boolean {
  return (
    now.givenTo !== before.givenTo ||
    now.claim !== before.claim ||
    now.traits !== before.traits ||
    now.row !== before.row
  );
}

export function dropHolding(turn: Turn, domain: DomainId): void {
  const { holdings, information } = turn.state;
  const wasHeld = isHeldHere(turn.state, domain);
  holdings.delete(domain);
  turn.state.nextInLine.delete(domain);
  turn.state.paperLoad = undefined;
  // What is at home here by now has settled: on paper it came before.
  if (wasHeld !== isHeldHere(turn.state, domain)) information.revision += 1;
  information.interestChanged = true;
  turn.state.saidAtMs.delete(`renew ${domain}`);
  turn.state.saidAtMs.delete(`transfer ${domain}`);
  turn.record({ kind: 'holding', key: domain, value: null });
}

/** When a holding next needs something done at a tick: what is not confirmed, or is given on, at every one. */
export function renewalMs(holding: Holding, { claimLeaseMs }: HostTiming): number {
  if (!holding.confirmed || holding.givenTo !== null) return 0;
  return holding.leaseExpiresAtMs - (2 * claimLeaseMs) / 3;
}

export function noteLease(state: HostState, dueAtMs: number): void {
  if (dueAtMs < state.leasesDueAtMs) state.leasesDueAtMs = dueAtMs;
}
