/**
 * What agents say to each other. Delivery is best effort: messages may be lost, repeated, reordered
 * and delayed, so every sender that waits for an answer repeats itself, and every receiver answers a
 * repetition the same way.
 *
 *   proposer                      responder
 *      │ propose(book)  ───────────▶ │  computes the best exchange of both books
 *      │ ◀─────── accept(exchange)   │  or decline(reason)
 *      │ commit / abort ───────────▶ │
 *      │ ◀──────────── acknowledge   │  inquire asks for the decision again
 *
 *   giver or holder               home
 *      │ transfer(to)   ───────────▶ │  registers the new holder; transferred
 *      │ renew          ───────────▶ │  renewed(lease, offer), or revoked
 *      │ settle(lease)  ───────────▶ │  settling … settled(result), or refuse(reason)
 *      │ query          ───────────▶ │  the same answer again
 *
 *   host                          its partners' hosts, and a few others
 *      │ summary        ───────────▶ │  summary, when asked to answer
 *
 *   home                          keepers of the domain and its addresses
 *      │ announce       ───────────▶ │  heard
 *
 *   whoever needs to know         keepers; then the home, which remembers who asked
 *      │ seek           ───────────▶ │  found, now and whenever it changes; heard
 *
 * Durations, never absolute times: two hosts' clocks need not agree.
 */

import type {
  Book,
  DealId,
  DomainId,
  DomainNotice,
  Exchange,
  HostId,
  HostPlace,
  LoadSummary,
  Location,
  Offer,
  SettlementId,
  Whereabouts,
} from './model/model.ts';

export type DeclineReason =
  | 'busy' // in another deal
  | 'no-gain' // no exchange of the two books lowers the cost by more than the margin
  | 'not-trading' // mode observe, or stopped
  | 'not-measured' // own measurements are incomplete or stale
  | 'backed-off' // the same pair failed a moment ago
  | 'refused'; // the proposal makes no sense here

export type RefuseReason =
  | 'not-holder' // the claim is not (or no longer) the caller's at that version
  | 'mode' // the home's mode is observe
  | 'needs-approval' // the home's mode is advise and nobody has approved yet
  | 'stopped'
  | 'busy' // as many migrations under way as allowed
  | 'policy' // frozen, pinned, kept apart or together: checked again at execution
  | 'blocked' // libvirt says that this domain cannot migrate
  | 'cooldown' // migrated a short while ago, or waits for whoever can tell how its last migration ended
  | 'window' // outside the migration windows
  | 'gone' // no such domain is running here
  | 'check-failed' // a pre-migration check failed on one of the sides
  | 'no-room'; // the target could not hold room

export type DealMessage =
  | Readonly<{
      kind: 'propose';
      deal: DealId;
      expiresInMs: number;
      book: Book;
      /** A domain that would come although nothing is gained yet, so that its partner can follow (`meeting.ts`). */
      meeting?: DomainId;
    }>
  | Readonly<{
      kind: 'accept';
      deal: DealId;
      exchange: Exchange;
      /** The responder's book, cut down to the offers that the exchange takes. */
      book: Book;
      gainBitsPerSecond: number;
    }>
  | Readonly<{
      kind: 'decline';
      deal: DealId;
      reason: DeclineReason;
      detail: string;
      /** With `no-gain`: which claims were searched, as the load summary counts them (`LoadSummary`). */
      revision?: number;
    }>
  | Readonly<{ kind: 'commit'; deal: DealId }>
  | Readonly<{ kind: 'abort'; deal: DealId; detail: string }>
  | Readonly<{ kind: 'inquire'; deal: DealId }>
  | Readonly<{ kind: 'acknowledge'; deal: DealId }>
  /** The responder's homes took the claims back before the decision arrived: the deal binds nobody. */
  | Readonly<{ kind: 'void'; deal: DealId }>;

export type ClaimMessage =
  /** From the giver to the home: `to` holds the claim from now on; `version` is the new one. */
  | Readonly<{ kind: 'transfer'; domain: DomainId; version: number; to: HostId; deal: DealId }>
  | Readonly<{ kind: 'transferred'; domain: DomainId; version: number }>
  | Readonly<{ kind: 'renew'; domain: DomainId; version: number }>
  | Readonly<{ kind: 'renewed'; domain: DomainId; version: number; leaseMs: number; offer: Offer }>
  /** You do not hold this claim (any more); `version` is the one that is true at the home. */
  | Readonly<{ kind: 'revoked'; domain: DomainId; version: number; detail: string }>
  /** From the home to the holder: something worth so much, bit/s for each byte, waits for this domain's room. */
  | Readonly<{ kind: 'hurry'; domain: DomainId; version: number; urgencyPerByte: number }>;

/** What a finished live migration was like. */
export type MigrationStatistics = Readonly<{
  bytes: number;
  durationMs: number;
  downtimeMs: number;
}>;

export type SettlementMessage =
  | Readonly<{
      kind: 'settle';
      settlement: SettlementId;
      domain: DomainId;
      version: number;
      /** For how long the holder keeps room; `settling` makes it keep it on. */
      leaseMs: number;
    }>
  | Readonly<{ kind: 'settling'; settlement: SettlementId; domain: DomainId }>
  | Readonly<{
      kind: 'refuse';
      settlement: SettlementId;
      domain: DomainId;
      reason: RefuseReason;
      detail: string;
    }>
  | Readonly<{
      kind: 'settled';
      settlement: SettlementId;
      domain: DomainId;
      moved: boolean;
      detail: string;
      statistics?: MigrationStatistics;
    }>
  /** Holder to home, while it waits: what became of it? */
  | Readonly<{ kind: 'query'; settlement: SettlementId; domain: DomainId; version: number }>
  /**
   * Home to holder, to resolve a migration whose end nobody saw: is it running at your side? `giveUp`: it is
   * paused here; if it does not run there, see to it that it never will by this settlement, and say so.
   * `question` grows with every question; the answer repeats it.
   */
  | Readonly<{
      kind: 'locate';
      settlement: SettlementId;
      domain: DomainId;
      question: number;
      giveUp: boolean;
    }>
  /** `question` 0: unasked, because it has just begun to run here. */
  | Readonly<{
      kind: 'located';
      settlement: SettlementId;
      domain: DomainId;
      presence: 'running' | 'paused' | 'arriving' | 'absent';
      arrival: 'open' | 'refused' | 'arrived' | 'unclear';
      question: number;
    }>;

export type InformationMessage =
  /** The sender's own; `answer`: tell me yours, if you have not lately. */
  | Readonly<{ kind: 'summary'; summary: LoadSummary; answer: boolean }>
  /** From a home to the keepers: these run here. `id` is 0 when nobody waits for `heard`. */
  | Readonly<{ kind: 'announce'; id: number; domains: readonly DomainNotice[] }>
  /** Where are these? A home also remembers who asked, and tells of changes for a while. */
  | Readonly<{
      kind: 'seek';
      domains: readonly DomainId[];
      addresses: readonly string[];
    }>
  /** The answer, or a change that the receiver wants to know (then `id` is not 0: `heard` is awaited). */
  | Readonly<{
      kind: 'found';
      id: number;
      domains: readonly Whereabouts[];
      /** The sender does not know where these are. */
      unknown: readonly DomainId[];
      /** Of the hosts named, those that the sender knows. */
      places: readonly HostPlace[];
    }>
  /** Who stands in this region? Whoever asks about one that it stands in itself is remembered there, and not answered. */
  | Readonly<{ kind: 'nearby'; region: Location; location: Location }>
  | Readonly<{ kind: 'near'; region: Location; hosts: readonly HostPlace[] }>
  /** `unwatched`: of what was told, the domains that are of no interest here any more. */
  | Readonly<{ kind: 'heard'; id: number; unwatched: readonly DomainId[] }>;

export type Message = DealMessage | ClaimMessage | SettlementMessage | InformationMessage;
export type MessageKind = Message['kind'];
