/**
 * The interfaces that the edges fill: what the core's runner needs from the world. Types only.
 *
 * Each port has one contract suite in `test/contract` that runs on the real and the simulated adapter.
 */

import type { Message, MigrationStatistics } from './message.ts';
import type { DomainId, DomainSample, HostCapacity, HostId, SettlementId } from './model/model.ts';
import type { DomainPresence } from './model/presence.ts';
import type { JournalRecord } from './record.ts';

/**
 * Time as it passes: never back, and by no more than has passed, whoever sets the machine's clock meanwhile. It
 * begins at about the wall clock's time, so across restarts it may jump either way (see `restarting.ts`); the core
 * never compares it with another host's.
 */
export interface Clock {
  nowMs(): number;
}

export interface Random {
  /** The next number in [0, 1). */
  next(): number;
}

/** Messages between member agents. Best effort: retry belongs to the protocol. Never throws for a peer's sake. */
export interface Transport {
  readonly self: HostId;
  /** Sends to one peer; silently lost when the peer is not connected. */
  send(to: HostId, message: Message): void;
  onMessage(listener: (from: HostId, message: Message) => void): void;
  /** The members of the roster changed, or one of them became (un)reachable. */
  onPeers(listener: (peers: readonly PeerState[]) => void): void;
  /** Nothing of this peer is worth listening to for so long, at most. Without effect where there is no way to do so. */
  shutOut(peer: HostId, forMs: number, why: string): void;
}

export type PeerState = Readonly<{ host: HostId; connected: boolean }>;

/** Durable memory: a set of records by kind and key; the last one written wins. */
export interface Journal {
  /** Resolves when all of them are durable, together or not at all. */
  append(records: readonly JournalRecord[]): Promise<void>;
  /** Every live record, in the order in which it was last written. */
  load(): Promise<readonly JournalRecord[]>;
}

export type HypervisorEvent =
  | Readonly<{ kind: 'started'; domain: DomainId }>
  | Readonly<{ kind: 'stopped'; domain: DomainId; migrated: boolean }>
  | Readonly<{ kind: 'redefined'; domain: DomainId }>
  /** The connection to libvirt was lost (false) or came back (true): sample again. */
  | Readonly<{ kind: 'reachable'; reachable: boolean }>;

/** One live migration out of this host. */
export type MigrationOrder = Readonly<{
  settlement: SettlementId;
  domain: DomainId;
  target: HostId;
  /** The target keeps room for this long from now; the migration is refused when it cannot start within it. */
  leaseMs: number;
}>;

export type MigrationProgress = Readonly<{
  settlement: SettlementId;
  domain: DomainId;
  elapsedMs: number;
  bytesSent: number;
  bytesRemaining: number;
  bytesTotal: number;
  bytesPerSecond: number;
  /** Expected while it runs; measured at the end. */
  downtimeMs: number;
}>;

export type MigrationResult =
  | Readonly<{ outcome: 'moved'; statistics: MigrationStatistics }>
  /** It did not happen and the domain runs here as before. `code` is stable, `detail` one sentence. */
  | Readonly<{ outcome: 'stayed'; code: string; detail: string }>
  /**
   * The end was not seen (libvirtd died, say): inspect both sides. `guessed`: the hypervisor let the domain run on here
   * when the answer to its order to run it there had got lost, so that it may run on both.
   */
  | Readonly<{ outcome: 'unknown'; detail: string; guessed?: true }>;

/**
 * What became of an arrival that this host was told to refuse. `refused`: nothing of it is here, it has never
 * run here, and nothing more can come in by it. `running`: too late. `unclear`: nothing of it is here and nothing
 * can come in, but it may have run here and gone again.
 */
export type RefusalOutcome = 'refused' | 'running' | 'unclear';

export type HypervisorSample = Readonly<{
  capacity: HostCapacity;
  hostCpu: number;
  hostMemoryBytes: number;
  domains: readonly Omit<DomainSample, 'rates'>[];
}>;

export interface Hypervisor {
  /** Every domain running or paused on this host, and the host itself. Rejects when libvirt is unreachable. */
  sample(): Promise<HypervisorSample>;
  onEvent(listener: (event: HypervisorEvent) => void): void;
  /** Checks both sides, then migrates live. Never rejects: the result says what happened. */
  migrate(
    order: MigrationOrder,
    onProgress: (progress: MigrationProgress) => void,
  ): Promise<MigrationResult>;
  /** Aborts a migration out of here that is under way; harmless when there is none. */
  abortMigration(domain: DomainId): Promise<void>;
  inspect(domain: DomainId): Promise<DomainPresence>;
  /**
   * Lets a domain run on that a migration left paused here. Harmless in any other state: what an
   * administrator paused stays paused. Rejects when the hypervisor cannot be asked.
   */
  resume(domain: DomainId): Promise<void>;
  /**
   * Takes away what a migration left of a domain that now runs elsewhere: its paused copy, its definition and
   * its autostart. Never touches a domain that runs, or that an administrator paused. Rejects likewise.
   */
  discard(domain: DomainId): Promise<void>;
  /**
   * Sees to it that a domain does not arrive by this settlement any more: closes the way and ends the copy
   * that waits to run, atomically against its beginning to run. Rejects when that could not be found out.
   */
  refuseArrival(settlement: SettlementId, domain: DomainId): Promise<RefusalOutcome>;
  close(): Promise<void>;
}

/** What one reading of the probe says about one pair of MAC addresses, both directions added, smoothed. */
export type PairRate = Readonly<{ a: string; b: string; bitsPerSecond: number }>;

export type TrafficReading = Readonly<{
  rates: readonly PairRate[];
  /** A whole smoothing window has been seen and nothing was lost since. */
  measured: boolean;
  /** What makes the reading incomplete ("the pair set is full: …"), one sentence each. */
  problems: readonly string[];
  /**
   * For how long each local address has been watched. Shorter than the smoothing window (a domain that
   * just arrived): its rates are early estimates, unbiased but rough.
   */
  watched?: readonly Readonly<{ address: string; forMs: number }>[];
}>;

export interface TrafficProbe {
  /** Puts the counters in place; keeps what an earlier run of the agent counted. */
  start(): Promise<void>;
  /** Rates between unicast addresses of which at least one is in `local`. Called every probe interval. */
  read(local: ReadonlySet<string>): Promise<TrafficReading>;
  /** Leaves the counters in the kernel: they go on across a restart of the agent. */
  close(): Promise<void>;
  /** Takes everything out of the kernel (uninstall). */
  remove(): Promise<void>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  log(
    level: LogLevel,
    code: string,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}
