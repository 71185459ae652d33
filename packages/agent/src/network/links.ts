/**
 * The members this agent talks to: what is exchanged when two of them connect, and where each frame
 * that comes in belongs.
 *
 * On connecting both say hello. Then each sends what the other may lack: the roster if theirs differ, and
 * where other members were last to be found.
 */

import type { HostId, Log, PeerState } from '@barter/core';
import type { Connection, Stream } from '@libp2p/interface';
import { failure, type Result, success } from '../result.ts';
import type { AddressBook } from './address-book.ts';
import type { Listeners } from './listeners.ts';
import { Liveness } from './liveness.ts';
import { Requests, unreachable } from './requests.ts';
import type { Entry } from './roster-entry.ts';
import { digestOf, RosterSpread } from './roster-spread.ts';
import type { RosterStore } from './roster-store.ts';
import { encodeFrame, type Hello, type Session, Sessions } from './sessions.ts';
import type { ShutOuts } from './shut-out.ts';
import type { Frame, Hint } from './wire/frame.ts';

type Options = Readonly<{
  self: HostId;
  name: string;
  store: RosterStore;
  addresses: AddressBook;
  shutOuts: ShutOuts;
  listeners: Listeners;
  log: Log;
  ownAddresses: () => readonly string[];
  onConnected: (host: HostId) => void;
  onDisconnected: (host: HostId) => void;
  /** An address of a member became known. */
  onAddress: (host: HostId) => void;
  onAdded: (added: readonly Entry[]) => void;
}>;

const protocolVersion = 1;
const there = encodeFrame({ kind: 'there' });
const here = encodeFrame({ kind: 'here' });
const hintsPerFrame = 256;

export class Links {
  readonly sessions: Sessions;
  readonly requests: Requests;
  readonly #options: Options;
  readonly #spread: RosterSpread;
  readonly #liveness: Liveness;
  #isClosed = false;

  constructor(options: Options) {
    this.#options = options;
    const { shutOuts, store, log, onAdded } = options;
    this.sessions = new Sessions(shutOuts, {
      onReady: (session, hello) => this.#ready(session, hello),
      onFrame: (session, frame) => this.#received(session, frame),
      onEnd: (session, reason) => this.#ended(session, reason),
    });
    this.requests = new Requests((to, frame) => this.send(to, frame, { bestEffort: false }), log);
    this.#spread = new RosterSpread({ store, sessions: this.sessions, shutOuts, log, onAdded });
    this.#liveness = new Liveness({
      sessions: () => this.sessions.streams(),
      ask: ({ stream }) => there.ok && stream.send(there.value, { bestEffort: true }),
      lost: ({ host, connection }, silentMs) => {
        log.log('info', 'silent', `${host} has been silent for ${Math.round(silentMs)} ms.`, {
          peer: host,
        });
        connection.abort(new Error('silent'));
        shutOuts.fellSilent(host);
      },
    });
  }

  start(): void {
    this.#liveness.start();
  }

  /** Takes over a framed stream with a member, whoever opened it. */
  attach(connection: Connection, stream: Stream): Session {
    const { store, name, ownAddresses } = this.#options;
    const hello: Hello = {
      kind: 'hello',
      version: protocolVersion,
      name,
      rosterDigest: digestOf(store.current),
      addresses: ownAddresses(),
    };
    const host = connection.remotePeer.toString() as HostId;
    const bytes = encodeFrame(hello);
    return this.sessions.attach(
      host,
      connection,
      stream,
      bytes.ok ? bytes.value : new Uint8Array(),
    );
  }

  /** Errors: `unreachable`, `busy` (the peer does not read as fast as we send), and the encoder's. */
  send(to: HostId, frame: Frame, options: Readonly<{ bestEffort: boolean }>): Result<null> {
    if (!this.sessions.isConnected(to)) return unreachable(to);
    const bytes = encodeFrame(frame);
    if (!bytes.ok) return bytes;
    if (this.sessions.send(to, bytes.value, options)) return success(null);
    return failure('busy', `${to} does not read as fast as this host sends.`);
  }

  /** Roster entries from a member: over its stream, or gossiped. */
  receiveRoster(from: HostId, frame: Extract<Frame, { kind: 'roster' }>): void {
    this.#spread.receive(from, frame);
  }

  /** Entries that were added here rather than brought by a peer. */
  spread(added: readonly Entry[]): void {
    this.#spread.spread(added);
  }

  peers(): readonly PeerState[] {
    const { store, self } = this.#options;
    return [...store.current.members.keys()]
      .filter((host) => host !== self)
      .sort()
      .map((host) => ({ host, connected: this.sessions.isConnected(host) }));
  }

  /** Tells the listeners that the members, or who of them is connected, changed. */
  announce(): void {
    if (!this.#isClosed) this.#options.listeners.peers(this.peers());
  }

  hints(): readonly Hint[] {
    const { addresses, store } = this.#options;
    return addresses
      .hosts()
      .filter((host) => store.isMember(host))
      .map((host) => ({ host, addresses: addresses.addressesOf(host) }));
  }

  close(): void {
    this.#isClosed = true;
    this.#liveness.close();
    this.requests.close();
  }

  #ready(session: Session, hello: Hello): void {
    const { host } = session;
    const { store, addresses, log, onConnected } = this.#options;
    onConnected(host);
    const theirs = Buffer.from(hello.rosterDigest);
    if (!theirs.equals(digestOf(store.current))) this.#spread.sendAll(host);
    const hints = this.hints();
    this.#sendHints(
      host,
      hints.filter((hint) => hint.host !== host),
    );
    if (addresses.learn(host, hello.addresses, 'itself')) {
      const news = [{ host, addresses: addresses.addressesOf(host) }];
      for (const other of this.sessions.all()) {
        if (other.host !== host) this.#sendHints(other.host, news);
      }
    }
    log.log('info', 'connected', `${hello.name} (${host}) is connected.`, { peer: host });
    this.announce();
  }

  #received({ host: from, stream }: Session, frame: Frame): void {
    const { listeners } = this.#options;
    switch (frame.kind) {
      case 'core':
        listeners.message(from, frame.message);
        break;
      case 'request':
        void this.requests.asked(from, frame);
        break;
      case 'answer':
      case 'failure':
        this.requests.answered(from, frame);
        break;
      case 'roster':
        this.receiveRoster(from, frame);
        break;
      case 'hints':
        this.#heard(frame.hints);
        break;
      case 'there':
        // On the stream that was asked about, which need not be the one we write to.
        if (here.ok) stream.send(here.value, { bestEffort: true });
        break;
      case 'here':
        // That it came is the answer: the stream has noted when.
        break;
      case 'hello':
        // Only the first frame of a session says hello; a second one means nothing.
        break;
    }
  }

  #ended(session: Session, reason: string): void {
    const { host, stream } = session;
    const { log, onDisconnected } = this.#options;
    if (stream.dropped > 0) {
      log.log(
        'warn',
        'messages-dropped',
        `${stream.dropped} messages to ${host} were dropped: it did not read as fast as this host sent.`,
        { peer: host },
      );
    }
    if (this.#isClosed || !session.isReady() || this.sessions.isConnected(host)) return;
    this.requests.disconnected(host);
    onDisconnected(host);
    log.log('info', 'disconnected', `${host} is no longer connected: ${reason}.`, { peer: host });
    this.announce();
  }

  #sendHints(to: HostId, hints: readonly Hint[]): void {
    for (let start = 0; start < hints.length; start += hintsPerFrame) {
      const some = hints.slice(start, start + hintsPerFrame);
      this.send(to, { kind: 'hints', hints: some }, { bestEffort: true });
    }
  }

  #heard(hints: readonly Hint[]): void {
    const { self, store, addresses, onAddress } = this.#options;
    for (const hint of hints) {
      if (hint.host === self || !store.isMember(hint.host)) continue;
      if (addresses.learn(hint.host, hint.addresses, 'hearsay')) onAddress(hint.host);
    }
  }
}
