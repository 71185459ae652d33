/**
 * Settlement at the home: checks again what was agreed on paper, migrates, and finds out how it ended.
 *
 * Only this side migrates the domain. The promise to migrate is durable before the hypervisor hears of
 * it, so a restarted agent knows that it has to ask how the migration ended.
 */

import { whyUnmovable } from '../claims/book.ts';
import { type HomeEntry, takeBackVersion } from '../claims/claim.ts';
import { dropHome, setHome, takeBack } from '../claims/holding.ts';
import { noteCall } from '../credibility/waits.ts';
import type { RefuseReason, SettlementMessage } from '../message.ts';
import type { DomainId, HostId, SettlementId } from '../model/model.ts';
import type { DomainPresence, MigrationResult } from '../ports.ts';
import type { HostState, Turn } from '../state.ts';
import { followingMax, isToFollow } from './following.ts';
import { askTarget, hearTarget, whatTargetSays } from './questioning.ts';
import { isUnderWay, type Resolution, resolve, type Settlement } from './settlement.ts';

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
  const { policy } = sample.traits;
  if (policy.frozen) return { reason: 'policy', detail: 'its policy says frozen' };
  const name = state.directory.hostName(from);
  if (policy.pin !== undefined && !policy.pin.includes(from) && !policy.pin.includes(name))
    return { reason: 'policy', detail: `it is pinned to ${policy.pin.join(', ')}` };
  if (sample.blocked !== undefined) return { reason: 'blocked', detail: sample.blocked };
  // A holder whose lease has ended asks anew while nobody knows yet how its first attempt ended.
  if (entry.settlement !== null)
    return { reason: 'busy', detail: 'how its last migration ended is not known yet' };
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

export function migrationEnded(turn: Turn, id: SettlementId, result: MigrationResult): void {
  const settlement = turn.state.settlements.get(id);
  if (settlement === undefined || !isUnderWay(settlement)) return;
  switch (result.outcome) {
    case 'moved':
      finish(
        turn,
        { ...settlement, statistics: result.statistics },
        true,
        'the target is running it',
      );
      return;
    case 'stayed':
      finish(turn, settlement, false, `${result.code}: ${result.detail}`);
      return;
    case 'unknown':
      toResolving(turn, settlement, result.detail, result.guessed);
  }
}

/** Our own hypervisor's answer about a migration whose end was not seen. */
export function departureInspected(turn: Turn, id: SettlementId, presence: DomainPresence): void {
  const { state, nowMs } = turn;
  const settlement = state.settlements.get(id);
  if (settlement?.phase !== 'resolving') return;
  const there = whatTargetSays(turn, settlement, presence);
  const known = state.directory.find(settlement.domain);
  const isElsewhere =
    known !== undefined &&
    known.home !== null &&
    known.home !== state.config.self &&
    known.version > settlement.version;
  const elsewhere = isElsewhere ? state.directory.hostName(known.home) : null;
  const resolution = resolve(presence, there, elsewhere, settlement.guessed);
  if (resolution.kind === 'clear' || resolution.kind === 'resume') {
    carryOut(turn, settlement, resolution);
    return;
  }
  if (resolution.kind !== 'wait') {
    const moved = resolution.kind === 'unknown' ? null : resolution.kind === 'moved';
    finish(turn, settlement, moved, describeEnd(settlement, resolution));
    return;
  }
  const asked = state.questions.get(id);
  if (asked !== undefined)
    state.questions.set(id, { ...asked, giveUp: resolution.giveUp === true });
  const isNews = resolution.detail !== settlement.detail;
  const sinceMs = resolution.nowhere && isNews ? nowMs : (settlement.unresolvedSinceMs ?? nowMs);
  if (resolution.nowhere && nowMs - sinceMs >= state.config.timing.inDoubtMs) {
    // It may have arrived and been taken away before the target had seen it.
    finish(turn, settlement, null, resolution.detail);
    return;
  }
  const unresolvedSinceMs = resolution.alarm ? sinceMs : null;
  if (!isNews && unresolvedSinceMs === settlement.unresolvedSinceMs) return;
  setSettlement(turn, { ...settlement, detail: resolution.detail, unresolvedSinceMs });
  if (resolution.alarm)
    turn.log('warn', 'migration-unresolved', `${settlement.name}: ${resolution.detail}.`, {
      settlement: id,
      domain: settlement.domain,
    });
}

/** Perform-done, decided: what follows is done now, again until it shows, and the decision is kept. */
function carryOut(
  turn: Turn,
  settlement: Settlement,
  { kind, detail }: Extract<Resolution, { kind: 'clear' | 'resume' }>,
): void {
  const { settlement: id, domain, name } = settlement;
  if (settlement.decided !== kind) {
    setSettlement(turn, { ...settlement, decided: kind, detail, unresolvedSinceMs: null });
    turn.log('info', 'migration-decided', `${name}: ${detail}.`, { settlement: id, domain });
  }
  turn.emit({ kind: kind === 'clear' ? 'discard' : 'resume', domain });
}

function describeEnd({ decided, detail }: Settlement, resolution: Resolution): string {
  return resolution.kind === 'stayed' && decided === 'resume'
    ? `it was resumed at its home: ${detail}`
    : resolution.detail;
}

export function receiveLocated(
  turn: Turn,
  from: HostId,
  message: SettlementMessage & { kind: 'located' },
): void {
  const settlement = turn.state.settlements.get(message.settlement);
  if (settlement?.to !== from || settlement.domain !== message.domain) return;
  hearTarget(turn, message);
}

export function receiveQuery(
  turn: Turn,
  from: HostId,
  message: SettlementMessage & { kind: 'query' },
): void {
  const settlement = turn.state.settlements.get(message.settlement);
  if (settlement !== undefined) {
    if (settlement.to === from) answer(turn, settlement);
    return;
  }
  const { settlement: id, domain } = message;
  turn.send(from, {
    kind: 'refuse',
    settlement: id,
    domain,
    reason: 'gone',
    detail: 'its home knows no such settlement',
  });
}

function answer(turn: Turn, settlement: Settlement): void {
  const { settlement: id, domain, to, phase, detail, statistics } = settlement;
  if (isUnderWay(settlement)) turn.send(to, { kind: 'settling', settlement: id, domain });
  else
    turn.send(to, {
      kind: 'settled',
      settlement: id,
      domain,
      moved: phase === 'moved',
      detail,
      ...(statistics === null ? {} : { statistics }),
    });
}

function toResolving(turn: Turn, settlement: Settlement, detail: string, guessed?: true): void {
  setSettlement(turn, { ...settlement, phase: 'resolving', detail, ...(guessed && { guessed }) });
  turn.log('warn', 'migration-in-doubt', `How ${settlement.name} fared is not known: ${detail}.`, {
    settlement: settlement.settlement,
    domain: settlement.domain,
  });
}

export function finish(
  turn: Turn,
  settlement: Settlement,
  moved: boolean | null,
  detail: string,
): void {
  const { state, nowMs } = turn;
  const { settlement: id, domain, to, version, statistics } = settlement;
  const ended: Settlement = {
    ...settlement,
    phase: moved ? 'moved' : 'failed',
    endedAtMs: nowMs,
    detail,
    unresolvedSinceMs: null,
  };
  setSettlement(turn, ended);
  state.located.delete(id);
  state.questions.delete(id);
  if (moved) departed(turn, domain, to, version);
  else stayed(turn, ended, moved === false);
  turn.file({
    kind: 'move',
    atMs: nowMs,
    settlement: id,
    domain,
    from: state.config.self,
    to,
    moved,
    detail,
    statistics,
  });
  answer(turn, ended);
  const target = state.directory.hostName(to);
  if (moved)
    turn.log('info', 'migrated', `${settlement.name} moved to ${target}.`, {
      settlement: id,
      domain,
      to,
      ...statistics,
    });
  else
    turn.log(
      'warn',
      'migration-failed',
      moved === null
        ? `Whether ${settlement.name} moved to ${target} nobody can tell: ${detail}.`
        : `${settlement.name} stays here, not at ${target}: ${detail}.`,
      {
        settlement: id,
        domain,
        to,
      },
    );
}

function departed(turn: Turn, domain: DomainId, to: HostId, version: number): void {
  const { state, nowMs } = turn;
  state.counts.moved += 1;
  state.departed.set(domain, nowMs);
  state.samples.delete(domain);
  state.rows.delete(domain);
  state.pricedRows.delete(domain);
  const name = state.homes.get(domain)?.name ?? domain;
  dropHome(turn, domain);
  // The new home begins with this very version; until it speaks up we say so for it.
  const told = { home: to, holder: to, version: takeBackVersion(version), name };
  state.directory.learnDomain(domain, told, false, nowMs);
}

/** It runs here as before: the claim comes home unless it is to follow its group, and the domain rests, longer after each failure. */
function stayed(turn: Turn, settlement: Settlement, isCertain: boolean): void {
  const { state, nowMs } = turn;
  const { domain, detail } = settlement;
  const { backoffMs, backoffMaxMs } = state.config.timing;
  state.counts.failed += 1;
  const entry = state.homes.get(domain);
  if (entry === undefined || entry.settlement !== settlement.settlement) return;
  const pauseMs = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(entry.failures, 16));
  const rested: HomeEntry = {
    ...entry,
    settlement: null,
    failures: entry.failures + 1,
    restsUntilMs: nowMs + pauseMs,
    restReason: `its last migration failed (${detail}); next try in ${Math.ceil(pauseMs / 1000)} s`,
  };
  // What nobody saw end is promised to nobody any more.
  if (isCertain && rested.failures <= followingMax && isToFollow(state, settlement))
    setHome(turn, { ...rested, awaitedSinceMs: nowMs });
  else takeBack(turn, rested, detail);
}

/** An operator wants a domain to stay that is migrating. */
export function abortMigration(turn: Turn, domain: DomainId): void {
  for (const settlement of turn.state.settlements.values()) {
    if (settlement.domain !== domain || !isUnderWay(settlement)) continue;
    setSettlement(turn, { ...settlement, aborted: true });
    turn.emit({ kind: 'abortMigration', domain });
  }
}

function setSettlement(turn: Turn, settlement: Settlement): void {
  turn.state.settlements.set(settlement.settlement, settlement);
  turn.state.sendingDueAtMs = 0;
  turn.record({ kind: 'settlement', key: settlement.settlement, value: settlement });
}
