/**
 * Who may connect, and what a connection may be used for.
 *
 * The rule: a peer is known by its key. Members may use every protocol; a stranger may stay for ten
 * seconds, few at a time, and reaches `/barter/join/1` and nothing else; who was expelled or is shut out is
 * refused before a stream can be opened. Protocol names themselves can be asked for by anybody
 * (multistream-select); a stream that a stranger opens to one of them is reset unread.
 */

import type { HostId, Log } from '@barter/core';
import type { Connection, ConnectionGater, PeerId } from '@libp2p/interface';
import { TokenBucket } from './rate-limit.ts';
import type { Roster } from './roster.ts';
import type { ShutOuts } from './shut-out.ts';

const strangersMax = 8;
const strangerMs = 10_000;
/** A peer that comes back before its dead connections were noticed needs more than one. */
const connectionsPerMemberMax = 4;
/** Streams that one member opens; a connection takes half a dozen, and a host that flaps connects again and again. */
const streamsAllowed = { capacity: 200, perSecond: 5 };

type Options = Readonly<{
  roster: () => Roster;
  shutOuts: ShutOuts;
  log: Log;
  /** The open connections with a peer. */
  connections: (peer: PeerId) => readonly Connection[];
}>;

export class Gate {
  readonly #options: Options;
  readonly #strangers = new Set<Connection>();
  readonly #streams = new Map<HostId, TokenBucket>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** A member that is not shut out. */
  admits(peer: PeerId): boolean {
    const host = peer.toString() as HostId;
    return this.#options.roster().members.has(host) && !this.#options.shutOuts.has(host);
  }

  /** The same for one more stream that it opens; who opens them without end is shut out. */
  admitsStream(peer: PeerId): boolean {
    if (!this.admits(peer)) return false;
    const host = peer.toString() as HostId;
    let bucket = this.#streams.get(host);
    if (bucket === undefined) {
      bucket = new TokenBucket(streamsAllowed);
      this.#streams.set(host, bucket);
    }
    if (bucket.take()) return true;
    this.#options.shutOuts.shutOut(host, 'it opens streams without end');
    return false;
  }

  /** For libp2p: true refuses the connection, in or out. */
  readonly gater: ConnectionGater = {
    denyDialPeer: (peer) => this.#isRefused(peer),
    denyInboundEncryptedConnection: (peer) => this.#isRefused(peer) || this.#isCrowded(peer),
    denyOutboundEncryptedConnection: (peer) => this.#isRefused(peer),
  };

  /** A connection was opened: a stranger's is bounded in time. */
  opened(connection: Connection): void {
    if (this.admits(connection.remotePeer)) return;
    this.#strangers.add(connection);
    const timer = setTimeout(() => {
      if (!this.admits(connection.remotePeer)) connection.abort(new Error('not a member'));
    }, strangerMs);
    connection.addEventListener('close', () => {
      clearTimeout(timer);
      this.#strangers.delete(connection);
    });
    this.#options.log.log(
      'debug',
      'stranger',
      `${connection.remotePeer} is no member; it may only join.`,
      {
        address: connection.remoteAddr.toString(),
      },
    );
  }

  #isRefused(peer: PeerId): boolean {
    const host = peer.toString() as HostId;
    return this.#options.roster().expelled.has(host) || this.#options.shutOuts.has(host);
  }

  #isCrowded(peer: PeerId): boolean {
    if (this.admits(peer)) return this.#options.connections(peer).length >= connectionsPerMemberMax;
    return this.#strangers.size >= strangersMax;
  }
}
