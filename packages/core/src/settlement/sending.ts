/**
 * Settlement at the home: checks again what was agreed on paper, migrates, and keeps the holder informed. How it ended is
 * found out in `ending.ts`.
 *
 * Only this side migrates the domain. The promise to migrate is durable before the hypervisor hears of
 * it, so a restarted agent knows that it has to ask how the migration ended.
 */

import { whyUnmovable } from '../claims/book.ts';
import type { HomeEntry } from '../claims/claim.ts';
import { takeBack } from '../claims/coming-home.ts';
import { setHome } from '../claims/registers.ts';
import { noteCall } from '../credibility/waits.ts';
import type { RefuseReason, SettlementMessage } from '../message.ts';
import type { DomainId, HostId, SettlementId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { answer, setSettlement, toResolving } from './ending.ts';
import { settlementOf } from './in-doubt.ts';
import { tickWord } from './operators-word.ts';
import { askTarget } from './questioning.ts';
import { isUnderWay, type Settlement } from './settlement.ts';

export function receiveSettle(
  turn: Turn,
  from: HostId,
  message: SettlementMessage & { kind: 'settle' },
): void {
  const { state, nowMs } = turn;
  const { settlement, domain, version } = message;
  const known = state.settlements.get(settlement);
  if (known !== undefined) {
    if (known.to === from) answer(turn, known);
    return;
  }
  // After a restart nothing is known before the first measurement; the holder asks again.
  if (state.sample === null) return;
  const entry = state.homes.get(domain);
  if (entry?.holder === from && entry.version === version) noteCall(state, from);
  const refusal = whyRefused(state, entry, from, version, nowMs);
  if (entry === undefined || refusal !== null) {
    const { reason, detail } = refusal ?? { reason: 'gone' as const, detail: 'not at home here' };
    if (entry !== undefined && reason !== 'not-holder' && reason !== 'gone') {
      state.refused.set(domain, { reason, detail, holder: from });
      // Its holder has called: it is this home that lets it wait.
      setHome(turn, { ...entry, awaitedSinceMs: nowMs }, false);
    }
    turn.send(from, { kind: 'refuse', settlement, domain, reason, detail });
    // What may not go there by what it is now stays for good: its claim comes home.
    if (
      entry !== undefined &&
      entry.settlement === null &&
      (reason === 'policy' || reason === 'blocked')
    )
      takeBack(turn, entry, detail);
    return;
  }
  begin(turn, entry, from, settlement, message.leaseMs);
}

function begin(
  turn: Turn,
  entry: HomeEntry,
  to: HostId,
  settlement: SettlementId,
  leaseMs: number,
): void {
  const { state, nowMs } = turn;
  const { domain, name, version } = entry;
  state.refused.delete(domain);
  const traits = state.samples.get(domain)?.traits;
  const started: Settlement = {
    settlement,
    domain,
    name,
    to,
    version,
    phase: 'migrating',
    startedAtMs: nowMs,
    endedAtMs: null,
    expectedBytes: traits?.memoryBytes ?? 0,
    detail: '',
    statistics: null,
    unresolvedSinceMs: null,
    ...(traits?.policy.keepTogether === undefined ? {} : { group: traits.policy.keepTogether }),
  };
  setSettlement(turn, started);
  setHome(turn, { ...entry, settlement });
  turn.send(to, { kind: 'settling', settlement, domain });
  turn.emit({ kind: 'migrate', order: { settlement, domain, target: to, leaseMs } });
  turn.log('info', 'migration-started', `Migrating ${name} to ${state.directory.hostName(to)}.`, {
    settlement,
    domain,
    to,
  });
}

/** Everything agreed on paper is checked again now that it is to happen. */
function whyRefused(
  state: HostState,
  entry: HomeEntry | undefined,
  from: HostId,
  version: number,
  nowMs: number,
): Readonly<{ reason: RefuseReason; detail: string }> | null {
  const sample = entry === undefined ? undefined : state.samples.get(entry.domain);
  if (entry === undefined || sample === undefined)
    return { reason: 'gone', detail: 'the domain is not running here' };
  if (entry.holder !== from || entry.version !== version)
    return { reason: 'not-holder', detail: 'another holder is registered' };
  if (state.settings.stopped) return { reason: 'stopped', detail: 'an operator stopped the home' };
  if (state.pausing) return { reason: 'stopped', detail: 'the agent of the home is about to end' };
  if (nowMs - state.sampledAtMs > state.config.timing.staleMs)
    return { reason: 'busy', detail: 'the home has not been measured for too long' };
  if (state.unmeasured !== null)
    return { reason: 'busy', detail: `the home cannot be measured: ${state.unmeasured}` };
  // A holder whose lease has ended asks anew. Before all that is asked of libvirt: it cannot tell while the guest is held.
  if (entry.settlement !== null) return inDoubt(state, entry.settlement);
  const { policy } = sample.traits;
  if (policy.frozen) return { reason: 'policy', detail: 'its policy says frozen' };
  const name = state.directory.hostName(from);
  if (policy.pin !== undefined && !policy.pin.includes(from) && !policy.pin.includes(name))
    return { reason: 'policy', detail: `it is pinned to ${policy.pin.join(', ')}` };
  if (sample.blocked !== undefined) return { reason: 'blocked', detail: sample.blocked };
  const unmovable = whyUnmovable(state, entry, nowMs);
  if (unmovable !== null) return { reason: 'cooldown', detail: unmovable };
  if (state.sample?.migrationWindowOpen === false)
    return { reason: 'window', detail: 'outside the migration windows of its home' };
  if (state.settings.mode === 'observe')
    return { reason: 'mode', detail: 'the mode of its home is observe' };
  const approved = entry.approval?.version === version && entry.approval.approved;
  if (state.settings.mode === 'advise' && !approved)
    return { reason: 'needs-approval', detail: 'waits for an operator’s approval at its home' };
  // What waits for an operator sends nothing, and may wait for ever.
  const underWay = [...state.settlements.values()].filter(
    (settlement) => isUnderWay(settlement) && settlement.unresolvedSinceMs === null,
  ).length;
  if (underWay >= state.config.migrationsAtOnce)
    return { reason: 'busy', detail: 'as many migrations under way as allowed' };
  return null;
}

/** What is being found out is known in a moment; what waits for a host or an operator may wait for long, and so may the holder. */
function inDoubt(
  { settlements }: HostState,
  settlement: SettlementId,
): Readonly<{ reason: RefuseReason; detail: string }> {
  const isWaiting = (settlements.get(settlement)?.unresolvedSinceMs ?? null) !== null;
  const detail = 'how its last migration ended is not known yet';
  return { reason: isWaiting ? 'cooldown' : 'busy', detail };
}

/** Keeps the holder informed, and asks on about migrations whose end nobody saw. */
export function tickSending(turn: Turn): void {
  const { state, nowMs } = turn;
  const { timing } = state.config;
  // Most of the time all have ended, and none is old enough to be forgotten.
  const tooFar = state.sendingDueAtMs - nowMs > timing.historyMs;
  if (nowMs < state.sendingDueAtMs && !tooFar) return;
  let dueAtMs = nowMs + timing.historyMs;
  for (const settlement of state.settlements.values()) {
    const { settlement: id, domain, to } = settlement;
    if (isUnderWay(settlement)) dueAtMs = nowMs;
    if (settlement.phase === 'migrating') {
      if (turn.due(`settling ${id}`, timing.settleLeaseMs / 5))
        turn.send(to, { kind: 'settling', settlement: id, domain });
    } else if (settlement.phase === 'resolving') {
      if (!turn.due(`resolve ${id}`)) continue;
      askTarget(turn, settlement);
      turn.emit({ kind: 'inspect', settlement: id, domain });
    } else if (tickWord(turn, settlement)) {
      dueAtMs = Math.min(dueAtMs, nowMs + timing.inDoubtMs);
    } else if (nowMs - (settlement.endedAtMs ?? 0) > timing.historyMs) {
      state.settlements.delete(id);
      state.progress.delete(id);
      turn.record({ kind: 'settlement', key: id, value: null });
    } else {
      dueAtMs = Math.min(dueAtMs, (settlement.endedAtMs ?? 0) + timing.historyMs);
    }
  }
  state.sendingDueAtMs = dueAtMs;
}

/** After a restart nobody waits for the hypervisor's answer any more: both sides are asked. */
export function restartSending(turn: Turn): void {
  const { state } = turn;
  for (const settlement of [...state.settlements.values()]) {
    if (settlement.phase === 'migrating') toResolving(turn, settlement, 'the agent restarted');
  }
  for (const entry of [...state.homes.values()]) {
    const settlement = entry.settlement === null ? null : state.settlements.get(entry.settlement);
    if (
      entry.settlement !== null &&
      (settlement === undefined || !isUnderWay(settlement as Settlement))
    )
      setHome(turn, { ...entry, settlement: null });
  }
}

/** An operator wants a domain to stay that is migrating. */
export function abortMigration(turn: Turn, domain: DomainId): void {
  const settlement = settlementOf(turn.state, domain);
  if (settlement === undefined) return;
  setSettlement(turn, { ...settlement, aborted: true });
  turn.emit({ kind: 'abortMigration', domain });
}
