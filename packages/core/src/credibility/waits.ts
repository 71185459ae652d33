/**
 * Claims that nobody calls. Whoever holds a claim keeps its domain from being traded, so holding claims and leaving
 * their domains where they are stops the trade of others. An honest holder may have to wait for long: for trading to
 * become quiet, for room, behind other migrations. Counted is only the time in which it was connected, traded, and told
 * of room for the domain twice over (which it does not while as many arrive there as may). One call for any domain here
 * begins the count anew.
 */

import { idleMaxMs, isIdle } from '../claims/idle.ts';
import type { DomainId, HostId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { gibibytes, saysThatItTrades } from './charges.ts';
import { accuse, acquit } from './ledger.ts';

/** It calls a domain of ours: what it holds is not forgotten. */
export function noteCall(state: HostState, peer: HostId): void {
  countAnew(state, peer);
  acquit(state, peer, 'uncalled');
}

/** Of the time after which a claim that nobody calls comes home (`idle.ts`), its holder told of room for so much. */
const couldShare = 2 / 3;

/**
 * Counts for how long claims held elsewhere could have been called by hosts that tell of room for them. To be called
 * every `everyMs` or so, and before claims come home because nobody called them: then it shows whether their holder could have.
 */
export function tickWaits(turn: Turn, everyMs: number): void {
  const { state, nowMs } = turn;
  const { credibility, config } = state;
  const { waits } = credibility;
  const passedMs = Math.min(2 * everyMs, nowMs - credibility.lookedAtMs);
  credibility.lookedAtMs = nowMs;
  for (const domain of [...waits.keys()]) if (!isAway(state, domain)) waits.delete(domain);
  const idle = new Map<HostId, { name: string; roomBytes: number; couldMs: number }>();
  for (const entry of state.homes.values()) {
    const { domain, holder, version, settlement, name } = entry;
    if (holder === config.self || settlement !== null) continue;
    const known = waits.get(domain);
    if (known?.holder !== holder || known.version !== version) {
      waits.set(domain, { holder, version, couldMs: 0, roomBytesMin: Infinity });
      continue;
    }
    const roomBytes = roomFor(state, holder, domain, nowMs);
    if (roomBytes === undefined) continue;
    known.couldMs += passedMs;
    known.roomBytesMin = Math.min(known.roomBytesMin, roomBytes);
    const couldOften = known.couldMs >= couldShare * idleMaxMs(config.timing);
    if (couldOften && isIdle(state, entry, nowMs))
      idle.set(holder, { name, roomBytes: known.roomBytesMin, couldMs: known.couldMs });
  }
  for (const [holder, { name, roomBytes, couldMs }] of idle) {
    countAnew(state, holder);
    const minutes = Math.round(couldMs / 60_000);
    const detail = `it holds the claim on ${name}, has told of at least ${gibibytes(roomBytes)} free for ${minutes} min, and has called none of the VMs here`;
    accuse(turn, holder, 'uncalled', detail);
  }
}

function countAnew(state: HostState, holder: HostId): void {
  for (const wait of state.credibility.waits.values()) if (wait.holder === holder) wait.couldMs = 0;
}

function isAway({ homes, config }: HostState, domain: DomainId): boolean {
  const holder = homes.get(domain)?.holder;
  return holder !== undefined && holder !== config.self;
}

/** The room that a host tells of now, if nothing that is known here keeps it from calling this domain. */
function roomFor(
  state: HostState,
  holder: HostId,
  domain: DomainId,
  nowMs: number,
): number | undefined {
  const known = state.directory.peers.get(holder);
  const traits = state.samples.get(domain)?.traits;
  if (known === undefined || traits === undefined || !state.connected.has(holder)) return undefined;
  const { summary, receivedAtMs } = known;
  if (nowMs - receivedAtMs > state.config.timing.staleMs || !saysThatItTrades(summary))
    return undefined;
  const { room } = summary;
  // Of its group somebody may still be running there, which only it can see.
  if (room === undefined || traits.policy.keepApart !== undefined) return undefined;
  // The last room may be kept for another one.
  const fits = room.memoryBytes >= 2 * traits.memoryBytes && room.vcpus >= traits.vcpus;
  return fits ? room.memoryBytes : undefined;
}
