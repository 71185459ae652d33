/**
 * Room that a claim leaves to another one although it would fit. Two reasons, each for a while only:
 *
 * - *Company*: domains that talk much, run beside each other and are all to come here. Whoever comes first leaves the
 *   others behind, and what they say to each other crosses the network until they follow: so it waits for room for two.
 * - *Its turn*: another claim saves more, and comes as soon as its home, which is sending something else, lets it go.
 *
 * That full hosts do not wait for each other for ever is the business of `hurry.ts` and `giving-up.ts`.
 */

import type { Holding } from '../claims/claim.ts';
import type { DomainId } from '../model/model.ts';
import type { HostState } from '../state.ts';
import { reservationOf } from './reserving.ts';
import { savedNow } from './worth.ts';

/** For so long room is left to others. */
const keptMs = 30_000;

/** A claim, and how much it saves; bit/s for each byte. */
export type Worth = Readonly<{ holding: Holding; worth: number }>;

/**
 * Why this claim leaves the free room to another one; null when it may come. One sentence. `next` is the most urgent
 * of the claims that nothing but their home's other migrations keeps from coming.
 */
export function whyRoomIsKept(
  state: HostState,
  { holding, worth }: Worth,
  roomBytes: number,
  next: Worth | undefined,
  nowMs: number,
): string | null {
  const { domain, home } = holding.claim;
  const sinceMs = state.blockedSinceMs.get(domain) ?? nowMs;
  if (nowMs - sinceMs >= keptMs) return null;
  const { memoryBytes, name } = holding.traits;
  const leftBytes = roomBytes - memoryBytes;
  const companion = companionOf(state, holding);
  if (companion !== undefined && leftBytes < companion.traits.memoryBytes)
    return `${name} comes when there is room for ${companion.traits.name} as well, which it talks to`;
  const isBehind =
    next !== undefined &&
    next.worth > worth &&
    next.holding.claim.home !== home &&
    leftBytes < next.holding.traits.memoryBytes;
  return isBehind ? `the room is kept for ${next.holding.traits.name}, which saves more` : null;
}

/** What it talks to most of all that is to come from the same home, if it would lose by coming alone. */
function companionOf(state: HostState, holding: Holding): Holding | undefined {
  if (savedNow(state, holding) >= 0) return undefined;
  let heaviest: { companion: Holding; bitsPerSecond: number } | undefined;
  for (const { partner, bitsPerSecond } of holding.row) {
    const companion = state.holdings.get(partner as DomainId);
    if (companion === undefined || companion.givenTo !== null) continue;
    if (companion.claim.home !== holding.claim.home) continue;
    if (reservationOf(state, companion.claim.domain) !== undefined) continue;
    if (bitsPerSecond > (heaviest?.bitsPerSecond ?? 0)) heaviest = { companion, bitsPerSecond };
  }
  return heaviest?.companion;
}
