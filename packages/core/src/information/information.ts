/**
 * What a host remembers in order to know where its domains' partners are, and to make its own domains known.
 *
 *   home ── announce ──▶ keepers (two for each domain, two for each address; `ring.ts`, `shelf.ts`)
 *   seeker ── seek ────▶ keepers ── found ──▶ seeker: a hint
 *   seeker ── seek ────▶ home ───── found ──▶ seeker: certain; the home tells it of every change from now on
 *
 * All of it is soft state: asked for again every `refreshMs` and announced again every third time, forgotten
 * after three times as long, and built up anew after a restart. Nobody's claim depends on it; prices do.
 */

import type { Book, DomainId, HostId, Location } from '../model/model.ts';
import { RegionShelf } from './region-shelf.ts';
import { Ring } from './ring.ts';
import { Shelf } from './shelf.ts';

/** Soft state outlives this many refreshes: two lost messages in a row change nothing. */
export const refreshesKept = 3;
/** Keepers hear of every change as it happens, and acknowledge it; they are refreshed this much more rarely. */
export const keepersRefreshed = 3;

/** What a home last announced of a domain, and to whom. */
export type Announced = Readonly<{
  addresses: readonly string[];
  /** Chosen by this ring: another one may choose others. */
  keepers: readonly HostId[];
  ring: Ring;
}>;

/** A message that its receiver has not acknowledged. Sent again it tells what is true by then. */
export type Unheard = Readonly<{
  to: HostId;
  kind: 'announce' | 'found';
  domains: readonly DomainId[];
  tries: number;
  sentAtMs: number;
  dueAtMs: number;
}>;

/** Something asked for, and when to ask again. */
export type Search = { nextAtMs: number; attempts: number };

/** A partner whose whereabouts are wanted, and when that was last found to be so. */
export type Watch = Search & { round: number };

/** A domain that runs here and is said to be at home elsewhere; `isOwnWord`: that home says so itself. */
export type Contest = Readonly<{
  home: HostId;
  version: number;
  atMs: number;
  isOwnWord: boolean;
}>;

/** Regions in which the claims of a book would gain if there were room; most first. */
export type Promising = Readonly<{
  book: Book;
  regions: readonly Readonly<{ key: string; region: Location }>[];
}>;

export type Information = {
  /** The other members, and those of them that are connected. */
  others: ReadonlySet<HostId>;
  reachable: readonly HostId[];
  ring: Ring;
  /** Counts up whenever other claims are held here than before. */
  revision: number;
  /** Counts up whenever a domain at home here has another holder, or its claim another version. */
  registrations: number;

  // --- for others ---
  readonly shelf: Shelf;
  readonly regions: RegionShelf;
  /** Addresses of the domains that run here. */
  readonly own: Map<string, DomainId>;
  /** Which of the directory's namings the rows have. */
  namedAt: number;
  readonly announced: Map<DomainId, Announced>;
  /** Who wants to hear when one of our domains changes hands, and until when. */
  readonly watchers: Map<DomainId, Map<HostId, number>>;
  /** Who asked about a domain that nobody had announced, and until when it is told of it. */
  readonly awaited: Map<DomainId, Map<HostId, number>>;
  /** By the id of the message. */
  readonly unheard: Map<number, Unheard>;
  lastId: number;
  resendAtMs: number;
  refreshAtMs: number;
  /** Another host says that one of our domains is at home there: looked into with the next sample. */
  readonly contested: Map<DomainId, Contest>;

  // --- for ourselves ---
  /** The domains that ours talk to and that are neither at home nor held here. */
  readonly watches: Map<DomainId, Watch>;
  /** Addresses that ours talk to and that nobody has named yet. */
  readonly searches: Map<string, Search>;
  /** Hosts that hold a partner, and of which it is not known where they stand; null: none, as nearly always. */
  strangers: Map<HostId, Search> | null;
  /** Regions asked about, and when; and when it is worth looking around again: news put it back. */
  readonly asked: Map<string, number>;
  lookAtMs: number;
  promising: Promising | undefined;
  /** When the next of those above is due. */
  seekAtMs: number;
  /** In this step other claims came to be held here, or an address got its name. */
  interestChanged: boolean;
  interestRound: number;
  rowsChanged: boolean;
  /** When they last were; a new sample puts it back. */
  rowsAtMs: number;

  // --- load summaries ---
  roundAtMs: number;
  /** Hosts that hold or run what our domains talk to, the heaviest, as of the last round. */
  partnerHosts: ReadonlySet<HostId>;
  /** What that followed from: while all of it is the same, so are they. */
  partnersFrom:
    | Readonly<{ interest: number; revision: number; registrations: number; changes: number }>
    | undefined;
  /** Who got our summary in this round, and how many more may ask for it. */
  readonly told: Set<HostId>;
  answersLeft: number;
};

export function createInformation(self: HostId): Information {
  return {
    others: new Set(),
    reachable: [],
    ring: new Ring([self]),
    revision: 0,
    registrations: 0,
    shelf: new Shelf(),
    regions: new RegionShelf(),
    own: new Map(),
    namedAt: 0,
    announced: new Map(),
    watchers: new Map(),
    awaited: new Map(),
    unheard: new Map(),
    lastId: 0,
    resendAtMs: 0,
    refreshAtMs: 0,
    contested: new Map(),
    watches: new Map(),
    searches: new Map(),
    strangers: null,
    asked: new Map(),
    lookAtMs: 0,
    promising: undefined,
    seekAtMs: 0,
    interestChanged: false,
    interestRound: 0,
    rowsChanged: false,
    rowsAtMs: Number.NEGATIVE_INFINITY,
    roundAtMs: Number.NEGATIVE_INFINITY,
    partnerHosts: new Set(),
    partnersFrom: undefined,
    told: new Set(),
    answersLeft: 0,
  };
}

/** The next of repeated pauses: doubles from `firstMs` up to `longestMs`. */
export function pauseMs(attempts: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(attempts, 16));
}
