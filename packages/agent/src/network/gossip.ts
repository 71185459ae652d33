/**
 * Load summaries over gossipsub: one topic per cluster, every message signed by its author.
 *
 * A summary is taken, and passed on, only if a member says it about itself and its sequence has grown;
 * so nobody can speak for another, and repetition or replay has no effect. Gossip reaches only peers whose
 * subscription has arrived, so our latest summary also goes straight to every peer that connects.
 */

import type { HostId, LoadSummary, Log } from '@barter/core';
import { type Message, TopicValidatorResult } from '@libp2p/gossipsub';
import type { PeerId } from '@libp2p/interface';
import type { Node } from './libp2p-node.ts';
import type { Links } from './links.ts';
import { TokenBucket } from './rate-limit.ts';
import type { ClusterId } from './roster-entry.ts';
import { encodeFrame } from './sessions.ts';
import type { ShutOuts } from './shut-out.ts';
import { decode, encode } from './wire/codec.ts';
import { limits } from './wire/limits.ts';
import { loadSummary } from './wire/model-codec.ts';

export function topicOf(cluster: ClusterId): string {
  return `/barter/summary/1/${cluster}`;
}

type Options = Readonly<{
  node: Node;
  topic: string;
  links: Links;
  shutOuts: ShutOuts;
  admits: (peer: PeerId) => boolean;
  log: Log;
  members: () => number;
  onSummary: (summary: LoadSummary) => void;
}>;

export class Gossip {
  readonly #options: Options;
  /** Of each host, the last summary that was used and the last one that was passed on. */
  readonly #used = new Map<HostId, number>();
  readonly #passed = new Map<HostId, number>();
  readonly #sources = new Map<HostId, TokenBucket>();

  constructor(options: Options) {
    this.#options = options;
    const { gossip } = options.node.services;
    gossip.topicValidators.set(options.topic, (source, message) => this.#validate(source, message));
  }

  /** The node must be started. */
  start(): void {
    this.#options.node.services.gossip.subscribe(this.#options.topic);
  }

  /** To everybody: by gossip, and directly to connected peers that gossip does not reach yet. */
  broadcast(summary: LoadSummary): void {
    const { links, log } = this.#options;
    const bytes = encode(loadSummary, summary, limits.summaryBytes);
    const direct = bytes.ok ? encodeFrame({ kind: 'summary', summary }) : bytes;
    if (!bytes.ok || !direct.ok) {
      const problem = direct.ok ? '' : direct.message;
      log.log('error', 'summary-not-sent', `Our load summary cannot be sent: ${problem}`);
      return;
    }
    links.greetWith(direct.value);
    void this.#publish(bytes.value, direct.value);
  }

  async #publish(bytes: Uint8Array, direct: Uint8Array): Promise<void> {
    const { node, topic, links, log } = this.#options;
    let reached: ReadonlySet<string> = new Set();
    try {
      // A subscription may have arrived without a stream back: only `recipients` tells who is reached.
      const { recipients } = await node.services.gossip.publish(topic, bytes);
      reached = new Set(recipients.map(String));
    } catch (error) {
      log.log('debug', 'gossip-failed', `A load summary was not gossiped: ${String(error)}`);
    }
    for (const { host, stream } of links.sessions.all()) {
      if (!reached.has(host)) stream.send(direct, { bestEffort: true });
    }
  }

  /** A summary that came straight from its author. */
  receive(from: HostId, summary: LoadSummary): void {
    if (summary.host !== from) {
      this.#options.shutOuts.strike(from, `it sent a load summary of ${summary.host}`);
    } else {
      this.#use(summary);
    }
  }

  #validate(source: PeerId, message: Message): TopicValidatorResult {
    const { shutOuts, admits, node } = this.#options;
    if (!this.#allows(source.toString() as HostId)) return TopicValidatorResult.Ignore;
    if (message.type !== 'signed' || message.from.equals(node.peerId)) {
      return TopicValidatorResult.Ignore;
    }
    if (!admits(message.from)) return TopicValidatorResult.Ignore;
    const from = message.from.toString() as HostId;
    const summary = decode(loadSummary, message.data, limits.summaryBytes);
    if (!summary.ok) {
      // The signature proves who made it, so the author is blamed and not who passed it on.
      shutOuts.strike(from, summary.message);
      return TopicValidatorResult.Reject;
    }
    if (summary.value.host !== from) {
      shutOuts.strike(from, `it gossiped a load summary of ${summary.value.host}`);
      return TopicValidatorResult.Reject;
    }
    this.#use(summary.value);
    // What came directly before is still passed on once: others may not have it.
    if (!grows(this.#passed, summary.value)) return TopicValidatorResult.Ignore;
    return TopicValidatorResult.Accept;
  }

  #use(summary: LoadSummary): void {
    if (grows(this.#used, summary)) this.#options.onSummary(summary);
  }

  /** Who passes on more than everybody's summaries can add up to is flooding. */
  #allows(source: HostId): boolean {
    const { members, shutOuts } = this.#options;
    let bucket = this.#sources.get(source);
    if (bucket === undefined) {
      const perSecond = 50 + 2 * members();
      bucket = new TokenBucket({ capacity: perSecond * 10, perSecond });
      this.#sources.set(source, bucket);
    }
    if (bucket.take()) return true;
    shutOuts.shutOut(source, 'it floods this host with gossip');
    return false;
  }
}

function grows(sequences: Map<HostId, number>, { host, sequence }: LoadSummary): boolean {
  if (sequence <= (sequences.get(host) ?? -1)) return false;
  sequences.set(host, sequence);
  return true;
}
