/**
 * The peer network as the rest of the agent sees it: the core's Transport plus requests with answers,
 * and the roster of members. The real one is libp2p (`libp2p-network.ts`).
 */

import type { HostId, PeerState, Transport } from '@barter/core';
import type { Result } from '../result.ts';

/** A JSON value that is small enough for one frame (256 KiB encoded). */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export type RequestHandler = (from: HostId, body: Json) => Promise<Result<Json>>;

export interface PeerNetwork extends Transport {
  /**
   * Asks one connected peer and waits for its answer. Errors: `unreachable` (not connected, or the
   * connection ended), `timeout`, `unknown-request`, and whatever code the peer's handler answers.
   */
  request(to: HostId, name: string, body: Json, timeoutMs: number): Promise<Result<Json>>;
  /** Registers the handler of one request name ("status", "migration.prepare", …). Members only. */
  onRequest(name: string, handler: RequestHandler): void;
  /** The members and whether each is connected now, ourselves excluded. */
  peers(): readonly PeerState[];
  /** The IP address at which a connected peer is reached (for the migration path). */
  remoteAddress(peer: HostId): string | undefined;
  /** Our own multiaddrs, peer id included. */
  addresses(): readonly string[];
  /** A ticket that lets one new host join once, until it expires. */
  invite(
    options: Readonly<{ expiresInMs: number }>,
  ): Promise<Result<Readonly<{ ticket: string; expiresAtMs: number }>>>;
  /** Signs a peer out of the roster and disconnects it; `withGuests`: also everybody whom it let in. */
  expel(peer: HostId, how?: Readonly<{ withGuests: boolean }>): Promise<Result<null>>;
  /** A member broke a rule that only its messages show; too often, and it is shut out for a while. */
  suspect(peer: HostId, problem: string): void;
  roster(): readonly RosterMember[];
  close(): Promise<void>;
}

export type RosterMember = Readonly<{
  host: HostId;
  name: string;
  admittedBy: HostId;
  admittedAtMs: number;
}>;
