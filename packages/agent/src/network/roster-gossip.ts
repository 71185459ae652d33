/**
 * New roster entries over gossipsub, so that they reach members whom nobody here is connected to: above 64
 * members agents keep to their neighbours, and an expulsion must not wait for the next connection.
 *
 * One topic per cluster, every message signed by its author. A message is passed on only if a member made it and its
 * entries can be read; what they are worth is for the roster to judge, as with entries that come directly.
 * Whoever misses a message gets the entries when it next connects to anybody.
 */

import type { HostId, Log } from '@barter/core';
import { type Message, TopicValidatorResult } from '@libp2p/gossipsub';
import type { Connection, PeerId } from '@libp2p/interface';
import type { Node } from './libp2p-node.ts';
import { TokenBucket } from './rate-limit.ts';
import type { ClusterId } from './roster-entry.ts';
import type { ShutOuts } from './shut-out.ts';
import { decode } from './wire/codec.ts';
import { type Frame, frame } from './wire/frame.ts';
import { limits } from './wire/limits.ts';

export function rosterTopicOf(cluster: ClusterId): string {
  return `/barter/roster/1/${cluster}`;
}

type Options = Readonly<{
  node: Node;
  topic: string;
  shutOuts: ShutOuts;
  admits: (peer: PeerId) => boolean;
  log: Log;
  onRoster: (from: HostId, frame: Extract<Frame, { kind: 'roster' }>) => void;
}>;

/** Not in gossipsub's declared interface. */
type OutboundStreams = Readonly<{
  streamsOutbound: Map<string, Readonly<{ rawStream?: Readonly<{ status: string }> }>>;
}>;

/** Joining and expelling are rare; ten a second from one neighbour is a flood. */
const allowed = { capacity: 200, perSecond: 10 };

export class RosterGossip {
  readonly #options: Options;
  readonly #sources = new Map<HostId, TokenBucket>();

  constructor(options: Options) {
    this.#options = options;
    const { gossip } = options.node.services;
    gossip.topicValidators.set(options.topic, (source, message) => this.#validate(source, message));
  }

  /** The node must be started. */
  start(): void {
    const { node, topic } = this.#options;
    node.services.gossip.subscribe(topic);
    node.addEventListener('connection:open', ({ detail }) => this.#forgetDeadStream(detail));
  }

  /** Frames of kind `roster`. */
  publish(frames: readonly Uint8Array[]): void {
    const { node, topic, log } = this.#options;
    for (const bytes of frames) {
      node.services.gossip.publish(topic, bytes).catch((error: unknown) => {
        log.log(
          'debug',
          'gossip-failed',
          `New roster entries were not gossiped: ${String(error)}.`,
        );
      });
    }
  }

  #validate(source: PeerId, message: Message): TopicValidatorResult {
    const { shutOuts, admits, node, onRoster } = this.#options;
    if (!this.#allows(source.toString() as HostId)) return TopicValidatorResult.Ignore;
    if (message.type !== 'signed' || message.from.equals(node.peerId))
      return TopicValidatorResult.Ignore;
    if (!admits(message.from)) return TopicValidatorResult.Ignore;
    const from = message.from.toString() as HostId;
    const read = decode(frame, message.data, limits.frameBytes);
    if (!read.ok || read.value.kind !== 'roster') {
      // The signature proves who made it, so the author is blamed and not who passed it on.
      shutOuts.strike(
        from,
        read.ok ? `it gossiped a frame of kind ${read.value.kind}` : read.message,
      );
      return TopicValidatorResult.Reject;
    }
    onRoster(from, read.value);
    return TopicValidatorResult.Accept;
  }

  /**
   * gossipsub (17.1) keeps an outgoing stream that was closed while it was still being opened, and then opens none
   * over the peer's next connection: the peer hears no gossip for as long as that lasts. What is left of an
   * earlier connection is taken away before the new one is known to gossipsub (libp2p/js-libp2p#3531 mends the
   * streams that close later).
   */
  #forgetDeadStream({ remotePeer }: Connection): void {
    const { streamsOutbound } = this.#options.node.services.gossip as Partial<OutboundStreams>;
    const stream = streamsOutbound?.get(remotePeer.toString())?.rawStream;
    if (stream !== undefined && stream.status !== 'open')
      streamsOutbound?.delete(remotePeer.toString());
  }

  #allows(source: HostId): boolean {
    let bucket = this.#sources.get(source);
    if (bucket === undefined) {
      bucket = new TokenBucket(allowed);
      this.#sources.set(source, bucket);
    }
    if (bucket.take()) return true;
    this.#options.shutOuts.shutOut(source, 'it floods this host with gossip');
    return false;
  }
}
