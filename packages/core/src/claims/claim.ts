/**
 * Claims: who may, on paper, be a domain's host. The home keeps the register of its own domains and is
 * the authority; everybody else's knowledge is a copy with a lease.
 *
 * Two rules make a register entry safe whatever is lost or repeated:
 *  - The version only grows. A deal adds one. The home taking a claim back starts a new epoch, so that
 *    a take-back and a deal that nobody told the home about can never share a version.
 *  - The home registers a new holder only when the registered holder says so. A holder that the home
 *    never heard of, or that stays silent for longer than its lease, holds nothing.
 */

import type {
  Claim,
  DealId,
  DomainId,
  DomainTraits,
  HostId,
  Policy,
  SettlementId,
  TrafficRow,
} from '../model/model.ts';

/** Why a confirmed claim is not settled yet, until there is more to say. */
export const restsText =
  'it rests until trading around here is quiet, and what saves more comes first';

/** Versions of one epoch; no domain is traded this often between two take-backs. */
const epochSize = 65_536;

/** A holder that kept a claim and never called its domain, or found no room for it: how often, and until when it is not offered that again. */
export type Idler = Readonly<{ holder: HostId; times: number; untilMs: number }>;

/** The home's register entry of one domain that runs here. */
export type HomeEntry = Readonly<{
  domain: DomainId;
  name: string;
  holder: HostId;
  version: number;
  /** As its holder knows it; what is written before this was kept has none. */
  policy?: Policy;
  /** When the holder's lease ends; null while the home itself holds the claim. */
  leaseExpiresAtMs: number | null;
  /** Since when a holder elsewhere could have called the domain and has not; see `idle.ts`. */
  awaitedSinceMs?: number;
  /** Holders from which the claim came back because they never called the domain, or had no room for it. */
  idlers?: readonly Idler[];
  /** When the domain last arrived here by a migration of ours; null = never. */
  movedAtMs: number | null;
  /** No offer and no settlement before this, with the reason. */
  restsUntilMs: number;
  restReason: string;
  /** It rests because its claim was given back (`given-back.ts`). */
  restsForRoom?: true;
  /** How often in a row a migration of this domain failed. */
  failures: number;
  /** The row that came along when the domain arrived; used until the probe has seen enough of its own. */
  carriedRow: TrafficRow;
  /** An operator approved (true) or rejected (false) the recommended move of this version. */
  approval: Readonly<{ version: number; approved: boolean }> | null;
  /** Set while a settlement is under way: the claim is not offered and not taken back. */
  settlement: SettlementId | null;
}>;

/** A claim held here on a domain at home elsewhere. */
export type Holding = Readonly<{
  claim: Claim;
  traits: DomainTraits;
  row: TrafficRow;
  deal: DealId;
  acquiredAtMs: number;
  /** Until when the home lets us hold it, counted from when we asked. */
  leaseExpiresAtMs: number;
  /** The home has confirmed it at least once. */
  confirmed: boolean;
  /** Given on to this host; kept until the home has registered that (`transferred`). */
  givenTo: HostId | null;
  /** When a settlement was last refused or failed, do not ask again before this. */
  settleNotBeforeMs: number;
  /** Taken for a meeting (`meeting.ts`): settled only once it pays. */
  meeting?: true;
  /** Why it has not been settled yet; one sentence for operators. */
  waiting: string;
}>;

/** The version a claim gets when it changes hands by a deal. */
export function nextVersion(version: number): number {
  return version + 1;
}

/** The version a claim gets when its home takes it back: the first of a new epoch. */
export function takeBackVersion(version: number): number {
  return (Math.floor(version / epochSize) + 1) * epochSize;
}

/** A domain that has just been seen to run here; `knownVersion` is the highest one that was heard of. */
export function arrivedEntry(
  arrival: Readonly<{
    domain: DomainId;
    name: string;
    policy: Policy;
    self: HostId;
    knownVersion: number;
    movedAtMs: number | null;
    carriedRow: TrafficRow;
  }>,
): HomeEntry {
  return {
    domain: arrival.domain,
    name: arrival.name,
    policy: arrival.policy,
    holder: arrival.self,
    version: takeBackVersion(arrival.knownVersion),
    leaseExpiresAtMs: null,
    movedAtMs: arrival.movedAtMs,
    restsUntilMs: 0,
    restReason: '',
    failures: 0,
    carriedRow: arrival.carriedRow,
    approval: null,
    settlement: null,
  };
}

export function claimOf(entry: HomeEntry, self: HostId): Claim {
  return { domain: entry.domain, home: self, holder: entry.holder, version: entry.version };
}

/** The home takes the claim back; what the earlier holder has is void from now on. */
export function takenBack(entry: HomeEntry, self: HostId): HomeEntry {
  return {
    ...entry,
    holder: self,
    version: takeBackVersion(entry.version),
    leaseExpiresAtMs: null,
    approval: null,
  };
}

/** What the home answers to a request to register `to` as holder. */
export type TransferVerdict =
  | Readonly<{ verdict: 'registered'; entry: HomeEntry }>
  | Readonly<{ verdict: 'repeated' }>
  | Readonly<{ verdict: 'revoked' }>;

/**
 * Registers `to` as holder because `from`, the registered holder, says so. `version` is the new one;
 * anything but the successor of the registered version is refused.
 */
export function registerTransfer(
  entry: HomeEntry,
  transfer: Readonly<{ from: HostId; to: HostId; version: number; self: HostId }>,
  leaseExpiresAtMs: number,
): TransferVerdict {
  const { from, to, version, self } = transfer;
  if (entry.version >= version) {
    return entry.version === version && entry.holder === to
      ? { verdict: 'repeated' }
      : { verdict: 'revoked' };
  }
  if (
    entry.holder !== from ||
    version !== nextVersion(entry.version) ||
    entry.settlement !== null
  ) {
    return { verdict: 'revoked' };
  }
  return {
    verdict: 'registered',
    entry: {
      ...entry,
      holder: to,
      version,
      leaseExpiresAtMs: to === self ? null : leaseExpiresAtMs,
      approval: null,
    },
  };
}

/** The claim may be settled only once: not while it is being given on, and only when the home agreed. */
export function isHeld(holding: Holding, nowMs: number): boolean {
  return holding.givenTo === null && holding.confirmed && holding.leaseExpiresAtMs > nowMs;
}

/** A domain whose claim came back for want of room is not offered for this long: the same hosts would agree on the same move. */
export const givenUpMs = 6 * 3_600_000;

/** No domain rests for longer than this from any moment on. */
export function restMaxMs(timing: Readonly<{ cooldownMs: number; backoffMaxMs: number }>): number {
  return Math.max(givenUpMs, timing.cooldownMs, timing.backoffMaxMs);
}

/** The domain rests at its home until then, with the reason: whatever it rested for before. */
export function rested(entry: HomeEntry, restsUntilMs: number, restReason: string): HomeEntry {
  const { restsForRoom, ...others } = entry;
  return { ...others, restsUntilMs, restReason };
}
