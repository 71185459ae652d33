/**
 * How a migration out of here ended, and what follows: for the copy that may be left here, for the claim, and for the
 * domain, which has left or rests. Where nobody saw the end, both sides are asked (`questioning.ts`) and the answers
 * weighed (`settlement.ts`).
 */

import { type HomeEntry, rested, takeBackVersion } from '../claims/claim.ts';
import { takeBack } from '../claims/coming-home.ts';
import { dropHome, setHome } from '../claims/registers.ts';
import type { SettlementMessage } from '../message.ts';
import type { DomainId, HostId, SettlementId } from '../model/model.ts';
import { isSamePolicy } from '../model/policy.ts';
import type { DomainPresence } from '../model/presence.ts';
import type { MigrationResult } from '../ports.ts';
import type { Turn } from '../state.ts';
import { followingMax, isToFollow } from './following.ts';
import { pauseAfterFailureMs } from './patience.ts';
import { hearTarget, whatTargetSays } from './questioning.ts';
import { isUnderWay, type Resolution, resolve, type Settlement } from './settlement.ts';

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
  const { guessed, vouched } = settlement;
  const resolution = resolve(presence, there, { elsewhere, guessed, vouched });
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
    // Unless the target has refused it, it may have arrived and been taken away before the target had seen it.
    finish(turn, settlement, resolution.nowhere === 'stayed' ? false : null, resolution.detail);
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
export function carryOut(
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
  // Ended long ago, and the target had not heard of it: what may wait there was never started. By the register, which is
  // durable, that host has no claim any more, and the domain is here.
  const { homes, samples, config, unmeasured } = turn.state;
  const entry = homes.get(domain);
  const isAtHome = entry?.holder === config.self && entry.version > message.version;
  if (isAtHome && entry.settlement === null && samples.get(domain)?.state === 'running') {
    // The last sample is of before its hypervisor fell silent: somebody may have moved it by hand since. It is asked again.
    if (unmeasured !== null) return;
    const detail = 'the domain runs at its home';
    turn.send(from, { kind: 'settled', settlement: id, domain, moved: false, detail });
    return;
  }
  turn.send(from, {
    kind: 'refuse',
    settlement: id,
    domain,
    reason: 'gone',
    detail: 'its home knows no such settlement',
  });
}

/** Tells the target how a migration to it ended, or that it goes on. */
export function answer(turn: Turn, settlement: Settlement): void {
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

export function toResolving(
  turn: Turn,
  settlement: Settlement,
  detail: string,
  guessed?: true,
): void {
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
  // Its partners that stay here go on talking to it: its addresses are known from now on by what has been learnt.
  for (const address of state.samples.get(domain)?.addresses ?? [])
    state.directory.learnAddress(address, domain);
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
  state.counts.failed += 1;
  const entry = state.homes.get(domain);
  if (entry === undefined || entry.settlement !== settlement.settlement) return;
  const pauseMs = pauseAfterFailureMs(entry.failures, state.config.timing);
  const why = `its last migration failed (${detail}); next try in ${Math.ceil(pauseMs / 1000)} s`;
  const failed: HomeEntry = {
    ...rested(entry, nowMs + pauseMs, why),
    settlement: null,
    failures: entry.failures + 1,
  };
  const policy = state.samples.get(domain)?.traits.policy;
  const isAsAgreed = policy === undefined || isSamePolicy(policy, entry.policy);
  const mayFollow = isCertain && isAsAgreed && failed.failures <= followingMax;
  // What nobody saw end is promised to nobody any more, nor what its holder knows by an old policy.
  if (mayFollow && isToFollow(state, settlement))
    setHome(turn, { ...failed, awaitedSinceMs: nowMs });
  else takeBack(turn, policy === undefined ? failed : { ...failed, policy }, detail);
}

export function setSettlement(turn: Turn, settlement: Settlement): void {
  turn.state.settlements.set(settlement.settlement, settlement);
  turn.state.sendingDueAtMs = 0;
  turn.record({ kind: 'settlement', key: settlement.settlement, value: settlement });
}
