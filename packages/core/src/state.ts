/**
 * What one host knows and has promised. The reducer owns it: `step` changes it in place and hands back
 * the effects (see `host.ts`). Maps keep their insertion order, so equal histories give equal effects.
 */

import type { Holding, HomeEntry } from './claims/claim.ts';
import type { MadeBook } from './claims/made-book.ts';
import type { HostConfig, Settings } from './config.ts';
import type { Credibility } from './credibility/credibility.ts';
import type { Outlook } from './exchange/exchange.ts';
import type { Directory } from './information/directory.ts';
import type { Information } from './information/information.ts';
import type { RowSource } from './information/row-source.ts';
import type { ArrivalLoads, Looked, OverloadSeen, Priced } from './measuring/looked.ts';
import type { Steadiness } from './measuring/steadiness.ts';
import type { DealMessage, Message, RefuseReason } from './message.ts';
import type {
  Book,
  DealId,
  DomainId,
  DomainSample,
  DomainTraits,
  HostId,
  HostLoad,
  HostSample,
  LoadSummary,
  SettlementId,
  TrafficRow,
} from './model/model.ts';
import { type Receipt, receiptKey } from './model/receipt.ts';
import type { LogLevel, MigrationOrder, MigrationProgress } from './ports.ts';
import type { JournalRecord } from './record.ts';
import type { EndedArrival, Reservation, Settlement, There } from './settlement/settlement.ts';
import type { Backoff } from './trading/backoff.ts';
import type { Deal } from './trading/deal.ts';

/** A domain of the last sample, with what moving it would send. */
export type HostedDomain = Omit<DomainSample, 'traits'> &
  Readonly<{
    /** As measured. */
    traits: DomainTraits;
    /** As trading counts with it: only what has lasted (see `steady.ts`). */
    priced: DomainTraits;
  }>;

/** What was asked about a settlement in doubt: answers to `first` to `last` count, in that order. */
export type Questions = Readonly<{
  first: number;
  last: number;
  /** What our hypervisor said when `first` was asked (`left`: paused by the migration): when that changes, earlier answers are void. */
  here: string;
  giveUp: boolean;
}>;

export type HostState = {
  readonly config: HostConfig;
  settings: Settings;
  /** The last measurement; its domains are in `samples`. */
  sample: Omit<HostSample, 'domains'> | null;
  sampledAtMs: number;
  /** Why the last measurement failed; null when it did not. Until the next one this host makes no deals and moves nothing. */
  unmeasured: string | null;
  /** The domains of the last sample, by id. */
  readonly samples: Map<DomainId, HostedDomain>;
  /** Rows of the domains at home here, partners named. */
  readonly rows: Map<DomainId, TrafficRow>;
  /** The same as trading counts with them: only what has lasted. */
  readonly pricedRows: Map<DomainId, TrafficRow>;
  readonly steadiness: Map<DomainId, Steadiness>;
  /** What the rows were made of (see `rows.ts`). */
  readonly rowSources: Map<DomainId, RowSource>;
  /** A complete measurement has begun it: whatever is seen for the first time later has not always been here. */
  watchesSteadiness: boolean;
  /** Of domains that migrated here: what was, and for which of them nothing has changed since. */
  readonly arrivals: Map<DomainId, ArrivalLoads>;
  overloadSeen: OverloadSeen | undefined;
  /** When another host last carried something else than before, and not by a deal; where nothing but load counts. */
  peersChangedAtMs: number;
  /** Since when what runs here has been above the limits (`hard-pressed.ts`); null while it is not. */
  aboveSinceMs: number | null;
  readonly resting: Set<DomainId>;
  readonly homes: Map<DomainId, HomeEntry>;
  /** The last version here of domains that were at home here. */
  readonly formerVersions: Map<DomainId, number>;
  readonly holdings: Map<DomainId, Holding>;
  readonly deals: Map<string, Deal>;
  /** Those of them that have not ended. */
  readonly openDeals: Map<string, Deal>;
  readonly reservations: Map<SettlementId, Reservation>;
  readonly settlements: Map<SettlementId, Settlement>;
  readonly progress: Map<SettlementId, MigrationProgress>;
  /** Domains that were proposed for a meeting, and when they may be again. */
  readonly meetAfterMs: Map<DomainId, number>;
  /** What targets last said about settlements in doubt, and to which question. */
  readonly located: Map<SettlementId, { there: There; question: number; atMs: number }>;
  readonly questions: Map<SettlementId, Questions>;
  /** Who asked where a domain is, until our hypervisor has answered. */
  readonly locating: Map<SettlementId, { asker: HostId; question: number }>;
  /** Arrivals here that ended for good, oldest first. */
  readonly endedArrivals: Map<SettlementId, EndedArrival>;
  /** Why the home would not settle this domain now: what operators see as recommendation. */
  readonly refused: Map<DomainId, { reason: RefuseReason; detail: string; holder: HostId }>;
  /** Domains that left by a migration of ours, and when: a sample begun earlier may still show them. */
  readonly departed: Map<DomainId, number>;
  /** The books that we proposed with, to repeat them as they were and to hold the answer against them. */
  readonly proposals: Map<DealId, Book>;
  /** What we answered to proposals that are not decided yet, to repeat it as it was. */
  readonly acceptances: Map<DealId, DealMessage>;
  readonly directory: Directory;
  readonly information: Information;
  readonly connected: Set<HostId>;
  readonly backoffs: Map<HostId, Backoff>;
  /** Who does as it says (`credibility/`). */
  readonly credibility: Credibility;
  /** When something was last said, by a key of whoever says it. */
  readonly saidAtMs: Map<string, number>;
  readonly counts: {
    committed: number;
    declined: number;
    aborted: number;
    moved: number;
    failed: number;
  };
  /** The agent is about to end: nothing new is begun. */
  pausing: boolean;
  /** When a deal that matters last changed what is held here (see `driving.ts`). */
  tradedAtMs: number;
  /** Since when claims held here have waited for nothing but room. */
  readonly blockedSinceMs: Map<DomainId, number>;
  /** Claims held here whose home was sending something else when it was asked last. */
  readonly nextInLine: Set<DomainId>;
  /** Claims whose homes want them settled soon. */
  readonly hurried: Map<DomainId, { urgencyPerByte: number; untilMs: number }>;
  /** When so many of the hosts that we hear of last made one that they were no stragglers (see `summary.ts`). */
  heardTradeAtMs: number;
  /** When a tick next has to see which domains can be called here. */
  callsDueAtMs: number;
  nextTradeAtMs: number;
  /** How often in a row there was nobody to propose to, or nothing to gain. */
  idleRounds: number;
  /** When a tick next has to look at the leases of claims held here and of claims on domains here. */
  leasesDueAtMs: number;
  /** When a tick next has to look at the migrations out of here. */
  sendingDueAtMs: number;
  /** When a tick next has to look for deals that ended long ago. */
  forgetDueAtMs: number;
  /** 0: as soon as may be. */
  nextSummaryAtMs: number;
  readonly priced: Priced;
  looked: Looked | undefined;
  /** What the claims held here add up to; undefined when it has to be added up anew (`book.ts`). */
  paperLoad: HostLoad | undefined;
  /** The book that was made last, for as long as it stands (`offering.ts`). */
  madeBook: MadeBook | undefined;
  outlook: Outlook | undefined;
  lastSummary: LoadSummary | null;
};

export type HostEffect =
  /** Make durable, all together, before any effect that follows. */
  | Readonly<{ kind: 'persist'; records: readonly JournalRecord[] }>
  | Readonly<{ kind: 'send'; to: HostId; message: Message }>
  /** Answered by `migrationEnded`, sooner or later. */
  | Readonly<{ kind: 'migrate'; order: MigrationOrder }>
  | Readonly<{ kind: 'abortMigration'; domain: DomainId }>
  /** Answered by `inspected`. */
  | Readonly<{ kind: 'inspect'; settlement: SettlementId; domain: DomainId }>
  /** Let the copy that a migration left paused here run on. */
  | Readonly<{ kind: 'resume'; domain: DomainId }>
  /** Take away what a migration left here of a domain that the target runs. */
  | Readonly<{ kind: 'discard'; domain: DomainId }>
  /** Answered by `arrivalRefused`; asked for again until it is. */
  | Readonly<{ kind: 'refuseArrival'; settlement: SettlementId; domain: DomainId }>
  /** Nothing is under way with this peer, and its word is not worth having: it need not be listened to. */
  | Readonly<{ kind: 'shutOut'; peer: HostId; forMs: number; why: string }>
  | Readonly<{
      kind: 'log';
      level: LogLevel;
      code: string;
      message: string;
      fields: Readonly<Record<string, unknown>>;
    }>;

/**
 * One step in the making: collects what has to be durable and what is to be done after that. All
 * records of a step go into one transaction ahead of every other effect, so that no message can leave
 * before what it promises is safe.
 */
export class Turn {
  readonly state: HostState;
  readonly nowMs: number;
  readonly #records: JournalRecord[] = [];
  readonly #effects: HostEffect[] = [];
  #news: Set<DomainId> | undefined;

  constructor(state: HostState, nowMs: number) {
    this.state = state;
    this.nowMs = nowMs;
  }

  record(record: JournalRecord): void {
    this.#records.push(record);
  }

  /** Receipts are kept with what they are about, or not at all. */
  file(receipt: Receipt): void {
    this.record({ kind: 'receipt', key: receiptKey(receipt), value: receipt });
  }

  emit(effect: HostEffect): void {
    this.#effects.push(effect);
  }

  send(to: HostId, message: Message): void {
    this.#effects.push({ kind: 'send', to, message });
  }

  log(
    level: LogLevel,
    code: string,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#effects.push({ kind: 'log', level, code, message, fields });
  }

  /** Domains at home here that changed hands, came or went in this step: whoever wants to know is told at its end. */
  get news(): ReadonlySet<DomainId> | undefined {
    return this.#news;
  }

  tell(domain: DomainId): void {
    this.#news ??= new Set();
    this.#news.add(domain);
  }

  /** True, and remembered, when this was last said at least `resendMs` ago: paces repetitions. */
  due(key: string, everyMs = this.state.config.timing.resendMs): boolean {
    const said = this.state.saidAtMs.get(key);
    if (said !== undefined && this.nowMs - said < everyMs && this.nowMs >= said) return false;
    this.state.saidAtMs.set(key, this.nowMs);
    return true;
  }

  effects(): readonly HostEffect[] {
    return this.#records.length === 0
      ? this.#effects
      : [{ kind: 'persist', records: this.#records }, ...this.#effects];
  }
}
