/**
 * Learning where the partners of this host's domains are: the domains named in the rows of what is at home
 * or held here. Keepers say where to ask, the home says what is true, and tells of changes from then on.
 *
 * Asking costs in proportion to the own domains, never to the cluster: keys for one host share a message, a
 * question is repeated with growing pauses until it is answered, and an answer is confirmed with every refresh.
 */

import { noteLooked, refreshNews } from '../measuring/news.ts';
import type { InformationMessage } from '../message.ts';
import { shareOf } from '../model/hash.ts';
import type { Book, DomainId, HostId, TrafficRow, Whereabouts } from '../model/model.ts';
import type { HostState, Turn } from '../state.ts';
import { lookForNews, wake } from '../trading/prospects.ts';
import { contest } from './announcing.ts';
import { bounded, domainsPerMessage } from './bounded.ts';
import { pauseMs, type Search, type Watch } from './information.ts';
import { learnRows } from './rows.ts';

/** Partners watched and addresses searched for at the same time, at most. */
const watchesMax = 8_192;
const searchesMax = 256;
/** Hosts asked in one step; the others' turn comes with the next tick. */
const lettersMax = 128;
/** From here on the keepers are asked as well: the home may be gone. */
const patience = 2;
/** Questions in a row that no home has answered, until hints are not followed at once any more. */
const hintsFollowed = 4;
/** After these a host that does not say where it stands is asked with the next refresh of what it holds. */
const strangerAttempts = 6;
/** Answers that name partners are taken into the rows together, a moment later; samples at once. */
const rowsApartMs = 100;
const fewSearches = 8;
/** An address that nobody names is most likely outside the cluster. */
const outsideRefreshes = 5;

/** Draws up what there is to know: after every sample, and when other claims are held than before. */
export function refreshInterest(turn: Turn): void {
  const { state, nowMs } = turn;
  const { information } = state;
  const { watches } = information;
  information.interestChanged = false;
  const round = ++information.interestRound;
  let wanted = 0;
  const want = (row: TrafficRow) => {
    for (const { partner } of row) {
      if (partner === 'external') continue;
      const watch = watches.get(partner);
      if (watch !== undefined) {
        if (watch.round === round) continue;
        if (state.homes.has(partner) || state.holdings.has(partner)) continue;
        watch.round = round;
        wanted += 1;
      } else if (!state.homes.has(partner) && !state.holdings.has(partner)) {
        if (watches.size >= watchesMax) continue;
        watches.set(partner, { nextAtMs: nowMs, attempts: 0, round });
        information.seekAtMs = nowMs;
        wanted += 1;
      }
    }
  };
  for (const row of state.rows.values()) want(row);
  for (const holding of state.holdings.values()) if (holding.givenTo === null) want(holding.row);
  if (wanted === watches.size) return;
  for (const [domain, watch] of watches) if (watch.round !== round) watches.delete(domain);
}

/** Which addresses of the last sample nobody has named; the heaviest, if there are too many. */
export function refreshSearches(turn: Turn, unnamed: ReadonlyMap<string, number>): void {
  const { state, nowMs } = turn;
  const { searches } = state.information;
  for (const address of searches.keys()) if (!unnamed.has(address)) searches.delete(address);
  if (unnamed.size === searches.size) return;
  const heaviest = [...unnamed].sort(([, one], [, other]) => other - one);
  for (const [address] of heaviest) {
    if (searches.size >= searchesMax) return;
    if (searches.has(address)) continue;
    searches.set(address, { nextAtMs: nowMs, attempts: 0 });
    state.information.seekAtMs = nowMs;
  }
}

/** Somebody came back or left: what was to be had from them is looked for at once. */
export function seekAgain(turn: Turn, connected: ReadonlySet<HostId>, joined: boolean): void {
  const { state, nowMs } = turn;
  const { watches, searches } = state.information;
  for (const [domain, watch] of watches) {
    const home = state.directory.find(domain)?.home ?? null;
    if (home === null || connected.has(home)) startOver(watch);
  }
  // A member that joined may run what was outside before.
  if (joined) for (const search of searches.values()) startOver(search);
  state.information.seekAtMs = nowMs;

  function startOver(search: Search): void {
    search.nextAtMs = nowMs;
    search.attempts = 0;
  }
}

/** A hint is followed at once, unless hints have led nowhere for a while: then the pauses go on growing. */
function hurry(state: HostState, watch: Watch, nowMs: number): void {
  if (watch.attempts > hintsFollowed) return;
  watch.nextAtMs = nowMs;
  state.information.seekAtMs = nowMs;
}

type Letter = { domains: DomainId[]; addresses: string[] };
type Letters = Map<HostId, Letter>;

/** At the end of every step: asks whatever is due. Costs nothing when nothing is. */
export function seek(turn: Turn): void {
  const { state, nowMs } = turn;
  const { information } = state;
  if (information.strangers !== null) askStrangers(turn, information.strangers);
  const { refreshMs } = state.config.timing;
  const tooFar = information.seekAtMs - nowMs > (outsideRefreshes + 1) * refreshMs;
  if (nowMs < information.seekAtMs && !tooFar) return;
  const letters: Letters = new Map();
  let nextAtMs = nowMs + outsideRefreshes * refreshMs;
  // What is merely to be confirmed goes along when it is nearly due: one walk for many.
  const soonMs = nowMs + refreshMs / 12;
  for (const [domain, watch] of information.watches) {
    const dueAtMs = watch.attempts === 0 ? soonMs : nowMs;
    if (watch.nextAtMs <= dueAtMs || tooFar) askForDomain(turn, domain, watch, letters);
    if (watch.nextAtMs < nextAtMs) nextAtMs = watch.nextAtMs;
  }
  for (const [address, search] of information.searches) {
    if (search.nextAtMs <= nowMs || tooFar) askForAddress(turn, address, search, letters);
    if (search.nextAtMs < nextAtMs) nextAtMs = search.nextAtMs;
  }
  information.seekAtMs = nextAtMs;
  for (const [to, { domains, addresses }] of letters)
    turn.send(to, { kind: 'seek', domains, addresses });
}

/**
 * Prices need to know where a holder stands. It says so whenever it is asked anything, and repeats it with
 * every summary; until then the domain counts as being nowhere.
 */
function askStrangers(turn: Turn, strangers: Map<HostId, Search>): void {
  const { state, nowMs } = turn;
  const { information } = state;
  const { others } = information;
  const { resendMs, refreshMs } = state.config.timing;
  for (const [host, search] of strangers) {
    const known = state.directory.place(host) !== undefined;
    if (known || !others.has(host) || search.attempts > strangerAttempts) strangers.delete(host);
    else if (search.nextAtMs <= nowMs) {
      turn.send(host, { kind: 'seek', domains: [], addresses: [] });
      search.nextAtMs = nowMs + pauseMs(search.attempts, resendMs, refreshMs);
      search.attempts += 1;
    }
  }
  if (strangers.size === 0) information.strangers = null;
}

function askForDomain(turn: Turn, domain: DomainId, watch: Watch, letters: Letters): void {
  const { state, nowMs } = turn;
  const { resendMs, refreshMs } = state.config.timing;
  const asked = whomToAsk(turn, domain, watch).filter((host) => {
    const letter = letterTo(letters, host);
    if (letter === undefined || letter.domains.length >= domainsPerMessage) return false;
    letter.domains.push(domain);
    return true;
  });
  // Nobody had room: still due at the next tick.
  if (asked.length === 0 && letters.size >= lettersMax) return;
  watch.nextAtMs = nowMs + pauseMs(watch.attempts, resendMs, refreshMs);
  watch.attempts += 1;
}

function whomToAsk(turn: Turn, domain: DomainId, watch: Watch): readonly HostId[] {
  const { state, nowMs } = turn;
  const { ring, shelf, others } = state.information;
  const { self } = state.config;
  const hosts = new Set<HostId>();
  const ask = (host: HostId | null | undefined) => {
    if (host !== null && host !== undefined && others.has(host)) hosts.add(host);
  };
  ask(state.directory.find(domain)?.home);
  if (hosts.size === 0 || watch.attempts >= patience) {
    for (const keeper of ring.keepersOf(domain)) {
      if (keeper !== self) ask(keeper);
      else {
        const kept = shelf.find(domain, nowMs);
        if (kept !== undefined) hear(turn, kept, false);
      }
    }
    ask(state.directory.find(domain)?.home);
  }
  return [...hosts];
}

function askForAddress(turn: Turn, address: string, search: Search, letters: Letters): void {
  const { state, nowMs } = turn;
  const { ring, shelf } = state.information;
  const { resendMs, refreshMs } = state.config.timing;
  for (const keeper of ring.keepersOf(address)) {
    if (keeper === state.config.self) {
      const kept = shelf.byAddress(address, nowMs);
      if (kept !== undefined) named(turn, kept);
      continue;
    }
    const letter = letterTo(letters, keeper);
    if (letter === undefined) return;
    if (letter.addresses.length < domainsPerMessage) letter.addresses.push(address);
  }
  search.nextAtMs = nowMs + pauseMs(search.attempts, resendMs, outsideRefreshes * refreshMs);
  search.attempts += 1;
}

function letterTo(letters: Letters, to: HostId): Letter | undefined {
  const known = letters.get(to);
  if (known !== undefined) return known;
  if (letters.size >= lettersMax) return undefined;
  const letter: Letter = { domains: [], addresses: [] };
  letters.set(to, letter);
  return letter;
}

/** An answer, or news that we asked for. What nobody here wants to know is not taken in. */
export function receiveFound(
  turn: Turn,
  from: HostId,
  message: InformationMessage & { kind: 'found' },
): void {
  const { state, nowMs } = turn;
  const { information, directory } = state;
  for (const place of message.places) {
    const certain = place.host === from;
    if (certain || information.others.has(place.host)) directory.learnPlace(place, certain);
  }
  const unwatched: DomainId[] = [];
  for (const told of bounded(message.domains)) {
    contest(turn, told, from);
    if (told.home !== from) information.shelf.disown(told.domain, from);
    const resolved = named(turn, told);
    if (resolved || information.watches.has(told.domain))
      hear(turn, told, told.home === from, from);
    else if (told.home === from) unwatched.push(told.domain);
  }
  for (const domain of bounded(message.unknown)) {
    const watch = information.watches.get(domain);
    information.shelf.disown(domain, from);
    if (directory.disown(domain, from) && watch !== undefined) hurry(state, watch, nowMs);
  }
  if (message.id !== 0) turn.send(from, { kind: 'heard', id: message.id, unwatched });
}

/** Takes in to whom an address belongs that we were looking for. The rows are named anew at the end of the step. */
function named(turn: Turn, told: Whereabouts): boolean {
  const { information, directory } = turn.state;
  let resolved = false;
  if (information.searches.size === 0) return resolved;
  for (const address of told.addresses) {
    if (!information.searches.delete(address)) continue;
    directory.learnAddress(address, told.domain);
    information.rowsChanged = true;
    resolved = true;
  }
  return resolved;
}

function hear(turn: Turn, told: Whereabouts, certain: boolean, by?: HostId): void {
  const { state, nowMs } = turn;
  const { information, directory, config } = state;
  const { home, holder } = told;
  // What runs here nobody has to tell us. Taken in, it would come back to whoever said so as our own word.
  if (home === config.self) return;
  const before = directory.find(told.domain)?.holder;
  const changed = directory.learnDomain(told.domain, told, certain, nowMs, by);
  // A partner is there now: what gained nothing with that host before may gain something now. That it has also
  // migrated there changes nothing on paper.
  if (changed && before !== holder) wake(state, nowMs, holder);
  const watch = information.watches.get(told.domain);
  if (watch === undefined) return;
  if (certain && directory.find(told.domain)?.home === home) {
    const { refreshMs } = config.timing;
    watch.attempts = 0;
    // The same for all domains of a home, so that they go on sharing a message.
    watch.nextAtMs = nowMs + refreshMs * (0.75 + 0.5 * shareOf(`${config.self} ${home}`));
    if (holder !== config.self && directory.place(holder) === undefined) {
      information.strangers ??= new Map();
      if (!information.strangers.has(holder))
        information.strangers.set(holder, { nextAtMs: nowMs, attempts: 0 });
    }
  } else if (changed) {
    hurry(state, watch, nowMs);
  }
}

/** A peer's book tells where its domains' partners are held: hints about what we watch, or are about to. */
export function hearBook(turn: Turn, book: Book, taking: readonly TrafficRow[]): void {
  const { state, nowMs } = turn;
  const { information, directory, config } = state;
  const { host, name, location: standsAt } = book;
  directory.learnPlace({ host, name, location: standsAt }, true);
  const wanted = new Set(taking.flatMap((row) => row.map(({ partner }) => partner)));
  for (const { domain, home, holder, version, location } of book.partners) {
    const watch = information.watches.get(domain);
    if (watch === undefined && !wanted.has(domain)) continue;
    if (state.homes.has(domain) || state.holdings.has(domain)) continue;
    // As in `hear`.
    if (home === config.self) continue;
    if (holder === book.host || information.others.has(holder))
      directory.learnPlace({ host: holder, name: holder, location }, false);
    const told = { home: home ?? null, holder, version };
    const changed = directory.learnDomain(domain, told, false, nowMs, book.host);
    if (changed && watch !== undefined) hurry(state, watch, nowMs);
  }
}

/** At the end of every step, before anything is asked: rows and watches follow what was learnt. */
export function keepUp(turn: Turn): void {
  const { information } = turn.state;
  if (information.rowsChanged && !isSoon(turn)) {
    information.rowsChanged = false;
    information.rowsAtMs = turn.nowMs;
    const learnt = learnRows(turn.state, turn.nowMs);
    if (learnt !== undefined) {
      refreshSearches(turn, learnt.unnamed);
      information.interestChanged ||= learnt.partnersChanged;
    }
    noteLooked(turn.state, turn.nowMs);
    refreshNews(turn.state, turn.nowMs);
    lookForNews(turn.state, turn.nowMs);
  }
  if (information.interestChanged) refreshInterest(turn);
}

/** While many addresses are being looked for, their answers come one after the other. */
function isSoon({ state, nowMs }: Turn): boolean {
  const { searches, rowsAtMs } = state.information;
  const waitedMs = nowMs - rowsAtMs;
  return searches.size > fewSearches && waitedMs >= 0 && waitedMs < rowsApartMs;
}
