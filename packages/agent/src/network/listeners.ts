/**
 * Who is told what comes in. A listener that throws is a bug of ours: it is logged, and neither the other
 * listeners nor the peer suffer from it. Summaries that come before anybody listens are kept, the latest
 * of each host, because the next one may be seconds away.
 */

import type { HostId, LoadSummary, Log, Message, PeerState } from '@barter/core';

export class Listeners {
  readonly #log: Log;
  readonly #message: ((from: HostId, message: Message) => void)[] = [];
  readonly #summary: ((summary: LoadSummary) => void)[] = [];
  readonly #peers: ((peers: readonly PeerState[]) => void)[] = [];
  readonly #early = new Map<HostId, LoadSummary>();

  constructor(log: Log) {
    this.#log = log;
  }

  onMessage(listener: (from: HostId, message: Message) => void): void {
    this.#message.push(listener);
  }

  onSummary(listener: (summary: LoadSummary) => void): void {
    this.#summary.push(listener);
    for (const summary of this.#early.values()) this.#call(() => listener(summary));
    this.#early.clear();
  }

  onPeers(listener: (peers: readonly PeerState[]) => void): void {
    this.#peers.push(listener);
  }

  message(from: HostId, message: Message): void {
    for (const listener of this.#message) this.#call(() => listener(from, message));
  }

  summary(summary: LoadSummary): void {
    if (this.#summary.length === 0) this.#early.set(summary.host, summary);
    for (const listener of this.#summary) this.#call(() => listener(summary));
  }

  peers(peers: readonly PeerState[]): void {
    for (const listener of this.#peers) this.#call(() => listener(peers));
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#log.log('error', 'listener-failed', 'A listener of the peer network failed.', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
}
