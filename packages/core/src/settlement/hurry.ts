/**
 * Making room: a claim that is worth much waits because its host is full, and what is to leave that host
 * is worth little and takes its time. So the home asks the holders of what is leaving to call it now, and
 * says how much is waiting. Only a hint: it changes the order of settlements, and nothing else.
 */

import { type Holding, type HomeEntry, isHeld } from '../claims/claim.ts';
import type { ClaimMessage } from '../message.ts';
import type { DomainId, HostId } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { leavingPerByte } from './worth.ts';

/** The same holder is asked again after this: meanwhile others may have room. */
const againMs = 10_000;
/** A hint holds for this long. */
const holdsMs = 60_000;

export type Blocked = Readonly<{ holding: Holding; urgencyPerByte: number }>;

/**
 * Asks for as much to leave as the most urgent of the blocked claims needs: what its holder has room for first,
 * and of that what saves most by leaving. Who was asked a moment ago is still counted on.
 */
export function makeRoom(turn: Turn, blocked: readonly Blocked[]): void {
  const { state, nowMs } = turn;
  const [first] = blocked;
  if (first === undefined || first.urgencyPerByte <= 0) return;
  const wasAsked = (domain: DomainId) =>
    nowMs - (state.saidAtMs.get(`hurry ${domain}`) ?? -Infinity) < againMs;
  const leaving = [...state.homes.values()].filter(({ holder }) => holder !== state.config.self);
  let wanted = first.holding.traits.memoryBytes;
  for (const { domain, settlement } of leaving)
    if (settlement !== null || wasAsked(domain)) wanted -= memoryBytesOf(state, domain);
  if (wanted <= 0) return;
  const others = leaving
    .filter(({ domain }) => !wasAsked(domain))
    .map((entry) => ({
      entry,
      fits: fitsAtHolder(state, entry),
      worth: leavingPerByte(state, entry),
      askedAtMs: state.saidAtMs.get(`hurry ${entry.domain}`) ?? 0,
    }))
    .sort(
      (one, other) =>
        one.askedAtMs - other.askedAtMs ||
        Number(other.fits) - Number(one.fits) ||
        other.worth - one.worth,
    );
  for (const { entry } of others) {
    if (wanted <= 0) return;
    const { domain, version, holder } = entry;
    wanted -= memoryBytesOf(state, domain);
    state.saidAtMs.set(`hurry ${domain}`, nowMs);
    const { urgencyPerByte } = first;
    turn.send(holder, { kind: 'hurry', domain, version, urgencyPerByte });
  }
}

/** Whether its holder has said lately that it has room for it now: who has not would have to ask on. */
function fitsAtHolder(state: HostState, { domain, holder }: HomeEntry): boolean {
  const room = state.directory.peers.get(holder)?.summary.room;
  const traits = state.samples.get(domain)?.traits;
  if (room === undefined || traits === undefined) return false;
  return room.memoryBytes >= traits.memoryBytes && room.vcpus >= traits.vcpus;
}

function memoryBytesOf(state: HostState, domain: DomainId): number {
  return state.samples.get(domain)?.traits.memoryBytes ?? 0;
}

/** The home of a claim that we hold would rather have its domain gone by now. */
export function receiveHurry(
  turn: Turn,
  from: HostId,
  message: ClaimMessage & { kind: 'hurry' },
): void {
  const { state, nowMs } = turn;
  const { domain, version, urgencyPerByte } = message;
  const holding = state.holdings.get(domain);
  if (holding === undefined || holding.claim.home !== from || !isHeld(holding, nowMs)) return;
  if (holding.claim.version !== version) return;
  state.hurried.set(domain, { urgencyPerByte, untilMs: nowMs + holdsMs });
  state.callsDueAtMs = 0;
}
