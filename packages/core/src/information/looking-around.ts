/**
 * Finding hosts by where they stand. A claim can gain at a host that holds none of its partners: because that one has
 * room, and stands next to one that holds them and has none. Summaries bring it to mind by chance only, in a
 * large cluster once in hours.
 *
 *   host ──── nearby(region) ───▶ keepers of the region (two, as of a domain: `ring.ts`)
 *        ◀─── near(region) ─────  some of those that stand there
 *   host ──── summary ──────────▶ each of them that it has not heard of lately, and theirs comes back
 *
 * Whoever asks about a region that it stands in itself is remembered there: with every refresh every host asks about
 * its own. About others it asks only when it finds nobody to propose to, where the own book sees something to gain.
 */

import type { InformationMessage } from '../message.ts';
import { sharedLevels } from '../model/distance.ts';
import type { Book, HostId, HostPlace, Location } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { outlookOf, triedMs } from '../trading/prospects.ts';
import { dropOldest } from './bounded.ts';
import { keepersRefreshed, type Promising, refreshesKept } from './information.ts';
import { keyOf, namedMax, regionsOf } from './region-shelf.ts';
import { introduce } from './summary.ts';

/** Regions asked about at once, and remembered as such. */
const askedAtOnce = 4;
const askedMax = 256;

/** Has the keepers of the own regions know that this host stands there; `only`: those of them that came back. */
export function standHere(turn: Turn, only?: ReadonlySet<HostId>): void {
  const { config, information } = turn.state;
  const { self, name, location } = config;
  for (const region of regionsOf(location))
    for (const keeper of information.ring.keepersOf(keyOf(region)))
      if (keeper === self) keep(turn, { host: self, name, location }, region);
      else if (only === undefined || only.has(keeper))
        turn.send(keeper, { kind: 'nearby', region, location });
}

function keep({ state, nowMs }: Turn, place: HostPlace, region: Location): void {
  const keptMs = refreshesKept * keepersRefreshed * state.config.timing.refreshMs;
  state.information.regions.keep(place, region, nowMs + keptMs);
}

/** Somebody wants to know who stands there, or says that it does. */
export function receiveNearby(
  turn: Turn,
  from: HostId,
  { region, location }: InformationMessage & { kind: 'nearby' },
): void {
  const { state, nowMs } = turn;
  if (sharedLevels(location, region) === region.length) {
    const name = state.directory.place(from)?.name ?? from;
    keep(turn, { host: from, name, location }, region);
    return;
  }
  const hosts = state.information.regions.draw(region, nowMs);
  if (hosts.length > 0) turn.send(from, { kind: 'near', region, hosts });
}

/**
 * Nobody that is known has anything to gain with us: asks about the regions where there would be something if there
 * were room. To be called after every vain attempt; does little while nothing has changed.
 */
export function lookAround(turn: Turn, book: Book): void {
  const { state, nowMs } = turn;
  const { config, information } = state;
  const { asked, ring, regions } = information;
  const againMs = triedMs(config.timing) / 2;
  const tooFar = information.lookAtMs - nowMs > againMs;
  if (nowMs < information.lookAtMs && !tooFar) return;
  if (information.promising?.book !== book)
    information.promising = { book, regions: promisingRegions(state, book) };
  const due = information.promising.regions.filter(({ key }) => {
    const atMs = asked.get(key);
    return atMs === undefined || Math.abs(nowMs - atMs) >= againMs;
  });
  // The others with the next attempt.
  information.lookAtMs = due.length > askedAtOnce ? nowMs : nowMs + againMs;
  for (const { key, region } of due.slice(0, askedAtOnce)) {
    asked.delete(key);
    asked.set(key, nowMs);
    dropOldest(asked, askedMax);
    for (const keeper of ring.keepersOf(key))
      if (keeper === config.self) meet(turn, regions.draw(region, nowMs));
      else turn.send(keeper, { kind: 'nearby', region, location: config.location });
  }
}

/** Regions around the partners of what this host offers, in which it would gain; most first. */
function promisingRegions(state: HostState, book: Book): Promising['regions'] {
  const { minGainBitsPerSecond } = state.config;
  const own = outlookOf(state, book);
  const regions = new Map<string, Location>();
  for (const { location } of book.partners)
    for (const region of regionsOf(location)) regions.set(keyOf(region), region);
  return [...regions]
    .map(([key, region]) => ({ key, region, gain: own.at(region) }))
    .filter(({ gain }) => gain >= minGainBitsPerSecond)
    .sort((one, other) => other.gain - one.gain);
}

/** An answer. What was not asked is not taken in. */
export function receiveNear(
  turn: Turn,
  { region, hosts }: InformationMessage & { kind: 'near' },
): void {
  const { state, nowMs } = turn;
  const askedAtMs = state.information.asked.get(keyOf(region));
  const { proposalMs } = state.config.timing;
  if (askedAtMs === undefined || Math.abs(nowMs - askedAtMs) > proposalMs) return;
  meet(turn, hosts.slice(0, namedMax));
}

function meet(turn: Turn, places: readonly HostPlace[]): void {
  const { directory, information } = turn.state;
  const others = places.filter(({ host }) => information.others.has(host));
  for (const place of others) directory.learnPlace(place, false);
  introduce(
    turn,
    others.map(({ host }) => host),
  );
}
