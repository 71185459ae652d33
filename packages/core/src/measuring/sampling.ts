/**
 * What the hypervisor shows is the truth: domains that came, went or changed outside Barter are facts to
 * learn, never something to undo. A domain that runs here is at home here, whoever moved it.
 */

import { rowOf } from '../claims/book.ts';
import { arrivedEntry } from '../claims/claim.ts';
import { bringGroupHome, takeBack } from '../claims/coming-home.ts';
import { dropHolding, dropHome, forgetVersion, setHome } from '../claims/registers.ts';
import { noteContest } from '../credibility/charges.ts';
import { announceChanges } from '../information/announcing.ts';
import { estimateFrom } from '../model/migration.ts';
import type { DomainId, DomainSample, HostSample } from '../model/model.ts';
import { isSamePolicy } from '../model/policy.ts';
import { endArrival } from '../settlement/refusing.ts';
import { dropReservation, recordArrival, reservationOf } from '../settlement/reserving.ts';
import { isUnderWay } from '../settlement/settlement.ts';
import type { HostedDomain, HostState, Turn } from '../state.ts';
import { isToBeLookedAt } from './news.ts';
import { steadyCpu, watchSteadiness } from './steady.ts';
import { isAsBefore, keptCapacity, keptRates } from './unchanged.ts';

export function observe(turn: Turn, sample: HostSample, beganAtMs: number): void {
  const { state, nowMs } = turn;
  const { domains, ...measured } = sample;
  if (state.sample?.hostCpu !== measured.hostCpu) state.paperLoad = undefined;
  state.sample = { ...measured, capacity: keptCapacity(state.sample?.capacity, measured.capacity) };
  state.sampledAtMs = beganAtMs;
  state.unmeasured = null;
  const seen: HostedDomain[] = [];
  for (const one of domains) {
    // It had not left yet when this measurement began.
    const departedAtMs = state.departed.get(one.domain);
    if (departedAtMs !== undefined && beganAtMs <= departedAtMs) continue;
    // Arriving domains are shown paused, and are somebody else's until they run here.
    if (one.state === 'running' || state.homes.has(one.domain))
      seen.push(hosted(state, one, state.samples.get(one.domain)));
  }
  if (!isSameAs(state.samples, seen)) {
    state.paperLoad = undefined;
    state.samples.clear();
    for (const one of seen) state.samples.set(one.domain, one);
  }
  const isSteadyChanged = watchSteadiness(state, nowMs);
  for (const [domain, one] of state.samples) {
    const cpu = steadyCpu(state, one);
    if (cpu === one.priced.cpu) continue;
    const priced = cpu === one.traits.cpu ? one.traits : { ...one.traits, cpu };
    state.samples.set(domain, { ...one, priced });
    state.paperLoad = undefined;
  }
  for (const [domain, atMs] of state.departed) {
    if (nowMs - atMs > state.config.timing.staleMs) state.departed.delete(domain);
  }
  for (const one of state.samples.values()) if (!state.homes.has(one.domain)) arrive(turn, one);
  for (const { domain } of state.homes.values())
    if (!state.samples.has(domain)) vanish(turn, domain);
    else learnPolicy(turn, domain);
  settleContests(turn, beganAtMs);
  announceChanges(turn);
  const { information } = state;
  information.rowsChanged ||= isSteadyChanged || isToBeLookedAt(state, nowMs);
  information.rowsAtMs = information.rowsChanged ? Number.NEGATIVE_INFINITY : nowMs;
}

/** Adds what a migration would send; a domain that would hardly ever finish migrating is blocked. */
function hosted(
  state: HostState,
  one: DomainSample,
  before: HostedDomain | undefined,
): HostedDomain {
  const capacity = state.sample?.capacity ?? { nicBitsPerSecond: 0 };
  const estimate = estimateFrom(capacity, state.config.migration, one.traits);
  const migrationBytes = estimate.ok ? estimate.bytes : one.traits.memoryBytes;
  const blocked = one.blocked ?? (estimate.ok ? undefined : estimate.reason);
  const rates = before === undefined ? one.rates : keptRates(before.rates, one.rates);
  if (before !== undefined && before.rates === rates)
    if (isAsBefore(before, one, migrationBytes, blocked)) return before;
  const traits = { ...one.traits, migrationBytes };
  return {
    ...one,
    rates,
    traits,
    priced: traits,
    ...(blocked === undefined ? {} : { blocked }),
  };
}

/** Nearly always everything is as it was, in the same order. */
function isSameAs(samples: HostState['samples'], seen: readonly HostedDomain[]): boolean {
  if (samples.size !== seen.length) return false;
  let n = 0;
  for (const one of samples.values()) if (one !== seen[n++]) return false;
  return true;
}

function arrive(turn: Turn, sample: HostedDomain): void {
  const { state, nowMs } = turn;
  const { domain, traits } = sample;
  const reservation = reservationOf(state, domain);
  const holding = state.holdings.get(domain);
  const knownVersion = Math.max(
    reservation?.version ?? 0,
    holding?.claim.version ?? 0,
    state.formerVersions.get(domain) ?? 0,
    state.directory.find(domain)?.version ?? 0,
  );
  const carriedRow = reservation === undefined ? [] : rowOf(state, domain);
  setHome(
    turn,
    arrivedEntry({
      domain,
      name: traits.name,
      policy: traits.policy,
      self: state.config.self,
      knownVersion,
      movedAtMs: reservation === undefined ? null : nowMs,
      carriedRow: carriedRow.length > 0 ? carriedRow : (reservation?.row ?? []),
    }),
  );
  forgetVersion(turn, domain);
  if (holding !== undefined) dropHolding(turn, domain);
  if (reservation === undefined) {
    fact(turn, domain, `${traits.name} runs here now; Barter did not bring it`);
    return;
  }
  dropReservation(turn, reservation.settlement);
  endArrival(turn, reservation, 'arrived');
  recordArrival(turn, reservation, true, 'it runs here');
  // It runs: its old home must hear so even if its own hypervisor has lost count.
  turn.send(reservation.home, {
    kind: 'located',
    settlement: reservation.settlement,
    domain,
    presence: 'running',
    arrival: 'arrived',
    question: 0,
  });
  turn.log('info', 'arrived', `${traits.name} runs here now.`, { domain, from: reservation.home });
}

function vanish(turn: Turn, domain: DomainId): void {
  const { state } = turn;
  const entry = state.homes.get(domain);
  if (entry === undefined) return;
  const settlement =
    entry.settlement === null ? undefined : state.settlements.get(entry.settlement);
  // Our own migration is taking it away: the settlement decides what became of it.
  if (settlement !== undefined && isUnderWay(settlement)) return;
  dropHome(turn, domain);
  // Whoever runs it next may know nothing of it and begin its versions as this host did: then what is known would stand.
  state.directory.disown(domain, state.config.self);
  state.rows.delete(domain);
  state.pricedRows.delete(domain);
  if (entry.holder !== state.config.self)
    turn.send(entry.holder, {
      kind: 'revoked',
      domain,
      version: Number.MAX_SAFE_INTEGER,
      detail: 'the domain is no longer running at its home',
    });
  fact(turn, domain, `${entry.name} no longer runs here; Barter did not move it`);
}

/** The holder agreed under the old policy, and may not hear of the new one before it calls: the claim comes home. */
function learnPolicy(turn: Turn, domain: DomainId): void {
  const entry = turn.state.homes.get(domain);
  const policy = turn.state.samples.get(domain)?.traits.policy;
  if (entry === undefined || policy === undefined || isSamePolicy(policy, entry.policy)) return;
  const learnt = { ...entry, policy };
  if (entry.holder === turn.state.config.self) {
    setHome(turn, learnt);
    // It may be in a group now that is about to leave it behind.
    bringGroupHome(turn, domain);
  } else if (entry.settlement === null) takeBack(turn, learnt, 'its policy was changed');
  // While it migrates its holder goes on by the policy that is written down, and if it stays that is looked at again.
}

function fact(turn: Turn, domain: DomainId, detail: string): void {
  turn.file({ kind: 'fact', atMs: turn.nowMs, domain, detail });
  turn.log('info', 'fact', `${detail}.`, { domain });
}

/** Another host says that a domain here is at home there; it runs here still, so we say so louder. */
function settleContests(turn: Turn, beganAtMs: number): void {
  const { state } = turn;
  const { contested } = state.information;
  const { historyMs } = state.config.timing;
  for (const [domain, { home, version, atMs, isOwnWord }] of contested) {
    if (beganAtMs <= atMs) continue;
    contested.delete(domain);
    const entry = state.homes.get(domain);
    const sample = state.samples.get(domain);
    if (entry === undefined || sample?.state !== 'running' || entry.settlement !== null) continue;
    // Once is enough among honest hosts; a liar must not void our claims over and over.
    if (version < entry.version || !turn.due(`contest ${domain}`, historyMs)) continue;
    if (isOwnWord) noteContest(turn, home, entry.name);
    const other = state.directory.hostName(home);
    const said = isOwnWord
      ? `${other} says that it runs there`
      : `others have heard that it runs on ${other}`;
    turn.log('warn', 'two-homes', `${entry.name} runs here, and ${said}.`, { domain, peer: home });
    takeBack(turn, { ...entry, version }, `${other} claims to run it`);
  }
}
