/**
 * Who is told what comes in. A listener that throws is a bug of ours: it is logged, and neither the other
 * listeners nor the peer suffer from it.
 */

import type { HostId, Log, Message, PeerState } from '@barter/core';

export class Listeners {
  readonly #log: Log;
  readonly #message: ((from: HostId, message: Message) => void)[] = [];
  readonly #peers: ((peers: readonly PeerState[]) => void)[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  onMessage(listener: (from: HostId, message: Message) => void): void {
    this.#message.push(listener);
  }

  onPeers(listener: (peers: readonly PeerState[]) => void): void {
    this.#peers.push(listener);
  }

  message(from: HostId, message: Message): void {
    for (const listener of this.#message) this.#call(() => listener(from, message));
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
