/**
 * Making this host's domains known: to the keepers of their ids and addresses, so that they are found, and
 * to whoever asked before, so that a deal is known where it matters within one message.
 *
 * Keepers hear at once when a domain comes, goes or changes its addresses, and with every refresh. Of deals they
 * hear with the refresh only: what they answer is a hint, and the home is asked next anyway.
 */

import type { InformationMessage } from '../message.ts';
import type { DomainId, DomainNotice, HostId, Whereabouts } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { bounded, chunks, dropOldest } from './bounded.ts';
import { keepersRefreshed, pauseMs, refreshesKept } from './information.ts';
import { standHere } from './looking-around.ts';
import { heardOf, noticeOf, placesOf, whereaboutsOf } from './whereabouts.ts';

const triesMax = 8;
const unheardMax = 2_048;
/** Askers remembered for one domain, and domains that somebody asked about. */
const watchersMax = 2_048;
const watchedMax = 8_192;
/** Domains asked about in vain, and for how long whoever asked is told when they appear. */
const awaitedMax = 1_024;
const awaitedMs = 10_000;
/** Versions beyond this are somebody's mistake: nobody tries to outdo them. */
const versionMax = 2 ** 50;

/** Which domains go to whom. */
type Letters = Map<HostId, Set<DomainId>>;

function put(letters: Letters, to: HostId, domain: DomainId): void {
  const domains = letters.get(to);
  if (domains === undefined) letters.set(to, new Set([domain]));
  else domains.add(domain);
}

/** At the end of every step: whatever changed hands, came or went in it is told. */
export function publish(turn: Turn): void {
  const { state, nowMs } = turn;
  const { news } = turn;
  if (news === undefined) return;
  const { watchers, announced } = state.information;
  const found: Letters = new Map();
  const announce: Letters = new Map();
  for (const domain of news) {
    for (const [host, untilMs] of watchers.get(domain) ?? [])
      if (untilMs > nowMs) put(found, host, domain);
    if (state.homes.has(domain)) toNewKeepers(state, domain, announce);
    else {
      for (const keeper of announced.get(domain)?.keepers ?? []) put(found, keeper, domain);
      announced.delete(domain);
      watchers.delete(domain);
    }
  }
  send(turn, 'found', found, 0);
  send(turn, 'announce', announce, 0);
}

/** Announces what was never announced, has other addresses, or has other keepers since members changed. */
export function announceChanges(turn: Turn): void {
  const letters: Letters = new Map();
  for (const domain of turn.state.homes.keys()) toNewKeepers(turn.state, domain, letters);
  send(turn, 'announce', letters, 0);
}

/** Keepers that (re)connected may have forgotten what they kept. */
export function announceAgain(turn: Turn, connected: ReadonlySet<HostId>): void {
  const letters: Letters = new Map();
  for (const [domain, { keepers }] of turn.state.information.announced)
    for (const keeper of keepers) if (connected.has(keeper)) put(letters, keeper, domain);
  send(turn, 'announce', letters, 0);
}

function toNewKeepers(state: HostState, domain: DomainId, letters: Letters): void {
  const { announced, ring } = state.information;
  // Not seen yet since the agent started: its addresses are not known.
  const addresses = state.samples.get(domain)?.addresses;
  if (addresses === undefined) return;
  const before = announced.get(domain);
  const moved =
    before === undefined ||
    (before.addresses !== addresses && before.addresses.join() !== addresses.join());
  if (!moved && before.ring === ring) return;
  const keepers = keepersOf(state, domain, addresses);
  for (const keeper of keepers)
    if (moved || !before.keepers.includes(keeper)) put(letters, keeper, domain);
  announced.set(domain, { addresses, keepers, ring });
}

/** Everybody but us who keeps the domain or one of its addresses. */
function keepersOf(
  state: HostState,
  domain: DomainId,
  addresses: readonly string[],
): readonly HostId[] {
  const { ring } = state.information;
  const keepers = new Set(ring.keepersOf(domain));
  for (const address of addresses) for (const host of ring.keepersOf(address)) keepers.add(host);
  keepers.delete(state.config.self);
  return [...keepers];
}

/** Time passed: refreshes what keepers keep, and repeats what nobody has heard. */
export function tickAnnouncing(turn: Turn, random: number): void {
  const { state, nowMs } = turn;
  const { information } = state;
  const everyMs = keepersRefreshed * state.config.timing.refreshMs;
  const tooFar = information.refreshAtMs - nowMs > 2 * everyMs;
  if (nowMs >= information.refreshAtMs || tooFar) {
    information.refreshAtMs = nowMs + everyMs * (0.75 + 0.5 * random);
    refresh(turn);
    information.regions.expire(nowMs);
    standHere(turn);
  }
  if (information.unheard.size > 0 && nowMs >= information.resendAtMs) resend(turn);
}

function refresh(turn: Turn): void {
  const { state, nowMs } = turn;
  const { announced, watchers } = state.information;
  const letters: Letters = new Map();
  for (const [domain, { keepers }] of announced)
    if (state.homes.has(domain)) for (const keeper of keepers) put(letters, keeper, domain);
  for (const [to, domains] of letters)
    for (const some of chunks(domains))
      turn.send(to, { kind: 'announce', id: 0, domains: noticesOf(state, some) });
  for (const [domain, askers] of watchers) {
    for (const [host, untilMs] of askers) if (untilMs <= nowMs) askers.delete(host);
    if (askers.size === 0) watchers.delete(domain);
  }
}

function resend(turn: Turn): void {
  const { state, nowMs } = turn;
  const { information } = state;
  const { resendMs } = state.config.timing;
  information.resendAtMs = nowMs + resendMs;
  for (const [id, unheard] of [...information.unheard]) {
    const { to, kind, domains, tries, dueAtMs } = unheard;
    // A due time far ahead was set before the clock was put back.
    if (nowMs < dueAtMs && dueAtMs - nowMs < state.config.timing.refreshMs) continue;
    information.unheard.delete(id);
    if (tries >= triesMax || !information.others.has(to)) continue;
    send(turn, kind, new Map([[to, new Set(domains)]]), tries + 1);
  }
}

/** Sends each letter as what is true now, and waits for `heard`. */
function send(turn: Turn, kind: 'announce' | 'found', letters: Letters, tries: number): void {
  const { state, nowMs } = turn;
  const { information } = state;
  const { resendMs, refreshMs } = state.config.timing;
  for (const [to, all] of letters) {
    for (const domains of chunks(all)) {
      const id = ++information.lastId;
      const message =
        kind === 'found' ? foundOf(state, domains, id, nowMs) : announceOf(state, domains, id);
      if (message === undefined) continue;
      turn.send(to, message);
      const dueAtMs = nowMs + pauseMs(tries, resendMs, refreshMs / 2);
      information.unheard.set(id, { to, kind, domains, tries, sentAtMs: nowMs, dueAtMs });
      dropOldest(information.unheard, unheardMax);
    }
  }
}

function announceOf(
  state: HostState,
  domains: readonly DomainId[],
  id: number,
): InformationMessage | undefined {
  const notices = noticesOf(state, domains);
  return notices.length === 0 ? undefined : { kind: 'announce', id, domains: notices };
}

function noticesOf(state: HostState, domains: readonly DomainId[]): readonly DomainNotice[] {
  return domains.flatMap((domain) => {
    const entry = state.homes.get(domain);
    return entry === undefined ? [] : [noticeOf(state, entry)];
  });
}

function foundOf(
  state: HostState,
  domains: readonly DomainId[],
  id: number,
  nowMs: number,
): InformationMessage {
  const told: Whereabouts[] = [];
  const unknown: DomainId[] = [];
  for (const domain of domains) {
    const whereabouts = whereaboutsOf(state, domain, nowMs);
    if (whereabouts === undefined) unknown.push(domain);
    else told.push(whereabouts);
  }
  return { kind: 'found', id, domains: told, unknown, places: placesOf(state, told) };
}

export function receiveHeard(
  turn: Turn,
  from: HostId,
  { id, unwatched }: InformationMessage & { kind: 'heard' },
): void {
  const { unheard, watchers } = turn.state.information;
  const told = unheard.get(id);
  if (told?.to !== from) return;
  unheard.delete(id);
  // A host that has given a claim away talks to its partners no more; unless it has asked again meanwhile.
  const keptMs = refreshesKept * turn.state.config.timing.refreshMs;
  for (const domain of bounded(unwatched)) {
    const askers = watchers.get(domain);
    const untilMs = askers?.get(from);
    if (untilMs !== undefined && untilMs - keptMs <= told.sentAtMs) askers?.delete(from);
  }
}

/** We are a keeper of these, or of one of their addresses, by the sender's roster. */
export function receiveAnnounce(
  turn: Turn,
  from: HostId,
  message: InformationMessage & { kind: 'announce' },
): void {
  const { state, nowMs } = turn;
  const { shelf } = state.information;
  const standing: Whereabouts[] = [];
  const { refreshMs } = state.config.timing;
  const keptUntilMs = nowMs + refreshesKept * keepersRefreshed * refreshMs;
  for (const notice of bounded(message.domains)) {
    contest(turn, { ...notice, home: from }, from);
    const stands = shelf.keep(from, notice, nowMs, keptUntilMs);
    const other = stands ?? heardElsewhere(state, notice, from);
    if (other !== undefined) standing.push(other);
    if (stands === undefined) tellWhoAwaits(turn, notice.domain);
  }
  if (message.id !== 0) turn.send(from, { kind: 'heard', id: message.id, unwatched: [] });
  // Two homes for one domain: the one that really runs it has to claim it anew.
  if (standing.length > 0) {
    const places = placesOf(state, standing);
    turn.send(from, { kind: 'found', id: 0, domains: standing, unknown: [], places });
  }
}

/**
 * What was heard here of another home, at a higher version: a domain that was moved by hand, to a host that knew nothing of
 * it and began its versions anew. Asked about it, this host would tell of the old one.
 */
function heardElsewhere(
  state: HostState,
  { domain, version }: DomainNotice,
  from: HostId,
): Whereabouts | undefined {
  const heard = heardOf(state, domain);
  return heard !== undefined && heard.home !== from && heard.version > version ? heard : undefined;
}

/** Answers from what we know best, and remembers who asked about what is ours to tell. */
export function receiveSeek(
  turn: Turn,
  from: HostId,
  message: InformationMessage & { kind: 'seek' },
): void {
  const { state, nowMs } = turn;
  const { shelf, own } = state.information;
  const told = new Map<DomainId, Whereabouts>();
  const unknown: DomainId[] = [];
  for (const domain of bounded(message.domains)) {
    const whereabouts = whereaboutsOf(state, domain, nowMs);
    if (whereabouts === undefined) {
      unknown.push(domain);
      expectAnnouncement(turn, domain, from);
    } else told.set(domain, whereabouts);
  }
  for (const address of bounded(message.addresses)) {
    const domain = own.get(address);
    const whereabouts =
      domain === undefined ? shelf.byAddress(address, nowMs) : whereaboutsOf(state, domain, nowMs);
    if (whereabouts !== undefined) told.set(whereabouts.domain, whereabouts);
  }
  for (const domain of told.keys())
    if (state.homes.has(domain) || state.holdings.has(domain)) remember(turn, domain, from);
  const nothing = message.domains.length + message.addresses.length > 0;
  if (nothing && told.size === 0 && unknown.length === 0) return;
  const domains = [...told.values()];
  turn.send(from, { kind: 'found', id: 0, domains, unknown, places: placesOf(state, domains) });
}

/**
 * A domain that was moved by hand is looked for at once, and its new home may be about to announce it: whoever
 * asked a moment too early is told when it does, and need not ask again.
 */
function expectAnnouncement(turn: Turn, domain: DomainId, asker: HostId): void {
  const { state, nowMs } = turn;
  const { awaited, ring } = state.information;
  if (!ring.keepersOf(domain).includes(state.config.self)) return;
  let askers = awaited.get(domain);
  if (askers === undefined) {
    askers = new Map();
    awaited.set(domain, askers);
    dropOldest(awaited, awaitedMax);
  }
  if (askers.size < watchersMax) askers.set(asker, nowMs + awaitedMs);
}

function tellWhoAwaits(turn: Turn, domain: DomainId): void {
  const { state, nowMs } = turn;
  const { awaited } = state.information;
  const askers = awaited.get(domain);
  if (askers === undefined) return;
  awaited.delete(domain);
  const whereabouts = whereaboutsOf(state, domain, nowMs);
  if (whereabouts === undefined) return;
  const places = placesOf(state, [whereabouts]);
  for (const [asker, untilMs] of askers)
    if (untilMs > nowMs)
      turn.send(asker, { kind: 'found', id: 0, domains: [whereabouts], unknown: [], places });
}

function remember(turn: Turn, domain: DomainId, asker: HostId): void {
  const { state, nowMs } = turn;
  const { watchers } = state.information;
  let askers = watchers.get(domain);
  if (askers === undefined) {
    if (watchers.size >= watchedMax) return;
    askers = new Map();
    watchers.set(domain, askers);
  }
  if (askers.size >= watchersMax && !askers.has(asker)) return;
  askers.set(asker, nowMs + refreshesKept * state.config.timing.refreshMs);
}

/** Somebody says that a domain of ours is at home elsewhere: the next sample decides (`settleContests`). */
export function contest(turn: Turn, told: Whereabouts, from: HostId): void {
  const { state, nowMs } = turn;
  const entry = state.homes.get(told.domain);
  if (entry === undefined || told.home === state.config.self) return;
  if (told.version < entry.version || told.version > versionMax) return;
  const { home, version } = told;
  if (entry.settlement !== null) {
    // While it migrates the new home may know before we do; how that ended is decided with this in mind.
    state.directory.learnDomain(told.domain, told, false, nowMs);
    return;
  }
  state.information.contested.set(told.domain, {
    home,
    version,
    atMs: nowMs,
    isOwnWord: home === from,
  });
}
