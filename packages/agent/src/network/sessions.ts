/**
 * The framed streams between this agent and its peers. Usually one per peer; two when both dialled at
 * once: both are read, the newest is written to, and when it ends the other takes over.
 *
 * A session counts from the peer's hello on, because only then do both sides hold each other for
 * members. Frames are bounded in number and bytes per second, and so is what they ask for; who sends more
 * is shut out.
 */

import type { HostId } from '@barter/core';
import type { Connection, Stream } from '@libp2p/interface';
import { Allowance } from './allowance.ts';
import { FramedStream, type FramedStreamEnd } from './framed-stream.ts';
import { TokenBucket } from './rate-limit.ts';
import type { ShutOuts } from './shut-out.ts';
import { decode, encode } from './wire/codec.ts';
import { type Frame, frame } from './wire/frame.ts';
import { limits } from './wire/limits.ts';

export type Hello = Extract<Frame, { kind: 'hello' }>;

type Listeners = Readonly<{
  /** The peer's hello came: the session can be used. */
  onReady(session: Session, hello: Hello): void;
  /** Any other frame of a session that is ready. */
  onFrame(session: Session, frame: Frame): void;
  /** Once for each session, ready or not. */
  onEnd(session: Session, reason: string): void;
}>;

export type Session = Readonly<{
  host: HostId;
  connection: Connection;
  stream: FramedStream;
  isReady: () => boolean;
  /** Calls back once, when the session became ready or ended; not when that was before. */
  onceSettled: (listener: () => void) => void;
}>;

const sessionsPerPeerMax = 4;
/** Far above what deals and requests need (a few dozen a second), far below what would hurt. */
const framesAllowed = { capacity: 8000, perSecond: 1000 };
const bytesAllowed = { capacity: 32 * 1024 * 1024, perSecond: 4 * 1024 * 1024 };

type Peer = { sessions: Session[]; frames: TokenBucket; bytes: TokenBucket; work: Allowance };

export class Sessions {
  readonly #peers = new Map<HostId, Peer>();
  readonly #shutOuts: ShutOuts;
  readonly #listeners: Listeners;

  constructor(shutOuts: ShutOuts, listeners: Listeners) {
    this.#shutOuts = shutOuts;
    this.#listeners = listeners;
  }

  /** Takes over a stream that was just opened, by either side, and says hello on it. */
  attach(host: HostId, connection: Connection, stream: Stream, hello: Uint8Array): Session {
    const peer = this.#peer(host);
    let isReady = false;
    let settled = () => {};
    const framed = new FramedStream(stream, {
      onFrame: (bytes) => {
        const received = this.#receive(host, peer, bytes);
        if (received === undefined) return;
        if (received.kind !== 'hello') {
          if (isReady) this.#listeners.onFrame(session, received);
          else framed.abort('the first frame was not a hello');
        } else if (!isReady) {
          isReady = true;
          this.#listeners.onReady(session, received);
          settled();
        }
      },
      onEnd: (end) => {
        this.#ended(peer, session, end);
        settled();
      },
    });
    const session: Session = {
      host,
      connection,
      stream: framed,
      isReady: () => isReady,
      onceSettled: (listener) => {
        settled = listener;
      },
    };
    peer.sessions.push(session);
    framed.send(hello, { bestEffort: false });
    if (peer.sessions.length > sessionsPerPeerMax) peer.sessions[0]?.stream.abort('superseded');
    return session;
  }

  /** The session to write to. */
  best(host: HostId): Session | undefined {
    return this.#peers.get(host)?.sessions.findLast((session) => session.isReady());
  }

  isConnected(host: HostId): boolean {
    return this.best(host) !== undefined;
  }

  /** One session for every connected peer. */
  all(): readonly Session[] {
    return [...this.#peers.keys()].flatMap((host) => this.best(host) ?? []);
  }

  /** Every stream, ready or not. */
  *streams(): Iterable<Session> {
    for (const { sessions } of this.#peers.values()) yield* sessions;
  }

  /** False when the peer is not connected or its outbox is full. */
  send(host: HostId, bytes: Uint8Array, options: Readonly<{ bestEffort: boolean }>): boolean {
    return this.best(host)?.stream.send(bytes, options) ?? false;
  }

  /** Ends every session with a peer. */
  drop(host: HostId, reason: string): void {
    for (const session of [...(this.#peers.get(host)?.sessions ?? [])]) {
      session.stream.abort(reason);
    }
  }

  #receive(host: HostId, peer: Peer, bytes: Uint8Array): Frame | undefined {
    if (this.#shutOuts.has(host)) return undefined;
    if (!peer.frames.take() || !peer.bytes.take(bytes.length)) {
      this.#shutOuts.shutOut(host, 'it floods this host with frames');
      return undefined;
    }
    const decoded = decode(frame, bytes, limits.frameBytes);
    if (!decoded.ok) {
      this.#shutOuts.strike(host, decoded.message);
      return undefined;
    }
    const verdict = peer.work.take(decoded.value);
    if (verdict === 'allowed') return decoded.value;
    if (verdict !== 'dropped') {
      this.#shutOuts.shutOut(host, `it floods this host with ${verdict.floodsWith}`);
    }
    return undefined;
  }

  #ended(peer: Peer, session: Session, end: FramedStreamEnd): void {
    peer.sessions = peer.sessions.filter((each) => each !== session);
    const tooLarge = `it announced a frame beyond ${limits.frameBytes} bytes`;
    this.#listeners.onEnd(session, end.kind === 'oversize' ? tooLarge : end.detail);
    if (end.kind === 'oversize') {
      this.#shutOuts.shutOut(
        session.host,
        `it announced a frame beyond ${limits.frameBytes} bytes`,
      );
    }
  }

  /** Kept when the last session ends: a flooder that reconnects does not start with full buckets. */
  #peer(host: HostId): Peer {
    const known = this.#peers.get(host);
    if (known !== undefined) return known;
    const peer: Peer = {
      sessions: [],
      frames: new TokenBucket(framesAllowed),
      bytes: new TokenBucket(bytesAllowed),
      work: new Allowance(),
    };
    this.#peers.set(host, peer);
    return peer;
  }
}

/** The bytes of a frame of ours, or why it cannot be sent. */
export function encodeFrame(value: Frame) {
  return encode(frame, value, limits.frameBytes);
}
