/**
 * A simulated network between hosts: every message takes its own time, may be lost or arrive twice,
 * and may overtake others. Links and hosts can be cut, one way too. Seeded: the same calls give the
 * same deliveries.
 *
 * Messages are handed over as they are, not copied: they are immutable data by type.
 */

import type { HostId, Message, PeerState, Random, Transport } from '@barter/core';
import { messageBytes } from './message-size.ts';

/** Calls `action` at a simulated time. */
export interface Schedule {
  nowMs(): number;
  at(atMs: number, action: () => void): void;
}

export type NetworkOptions = Readonly<{
  latencyMs?: readonly [number, number];
  /** Shares in [0, 1]. */
  loss?: number;
  repetition?: number;
}>;

export class SimNetwork {
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #transports = new Map<HostId, SimTransport>();
  readonly #cut = new Set<string>();
  readonly #down = new Set<HostId>();
  #announcing = false;
  options: Required<NetworkOptions>;
  /** Whether a host keeps back what it should have said: nobody hears of it. */
  withholds: (from: HostId, message: Message) => boolean = () => false;
  /** Told of every message as it arrives. */
  onArrival: (from: HostId, to: HostId, message: Message) => void = () => {};
  /** What was put on the wire, lost or not. */
  messages = 0;
  bytes = 0;

  constructor(schedule: Schedule, random: Random, options: NetworkOptions = {}) {
    this.#schedule = schedule;
    this.#random = random;
    this.options = { latencyMs: [0.2, 2], loss: 0, repetition: 0, ...options };
  }

  /** The transport of one host. A host that restarts joins again: what was under way to it is lost. */
  join(host: HostId): SimTransport {
    const transport = new SimTransport(this, host);
    this.#transports.set(host, transport);
    this.#down.delete(host);
    this.#announce();
    return transport;
  }

  /** The host is gone: nothing reaches it or leaves it. */
  leave(host: HostId): void {
    this.#down.add(host);
    this.#announce();
  }

  /** Cuts the way from one host to another (that way only), or mends it. */
  cut(from: HostId, to: HostId, isCut: boolean): void {
    if (isCut) this.#cut.add(`${from}>${to}`);
    else this.#cut.delete(`${from}>${to}`);
    this.#announce();
  }

  /** Whether a connection between the two holds: it needs both ways. */
  connected(left: HostId, right: HostId): boolean {
    return this.#open(left, right) && this.#open(right, left);
  }

  peers(of: HostId): readonly PeerState[] {
    return [...this.#transports.keys()]
      .filter((host) => host !== of)
      .map((host) => ({ host, connected: this.connected(of, host) }));
  }

  /** Used by the transports. */
  deliver(from: HostId, to: HostId, message: Message): void {
    if (this.withholds(from, message)) return;
    if (!this.#open(from, to)) return;
    const { loss, repetition, latencyMs } = this.options;
    this.messages++;
    this.bytes += messageBytes(message);
    const copies = repetition > 0 && this.#random.next() < repetition ? 2 : 1;
    const transport = this.#transports.get(to);
    for (let copy = 0; copy < copies; copy++) {
      if (loss > 0 && this.#random.next() < loss) continue;
      const delayMs = latencyMs[0] + this.#random.next() * (latencyMs[1] - latencyMs[0]);
      this.#schedule.at(this.#schedule.nowMs() + delayMs, () => {
        // A host that went away or restarted meanwhile does not get it.
        if (transport !== undefined && this.#transports.get(to) === transport) {
          if (!this.#open(from, to)) return;
          this.onArrival(from, to, message);
          transport.receive(from, message);
        }
      });
    }
  }

  #open(from: HostId, to: HostId): boolean {
    return (
      this.#transports.has(to) &&
      !this.#down.has(from) &&
      !this.#down.has(to) &&
      (this.#cut.size === 0 || !this.#cut.has(`${from}>${to}`))
    );
  }

  /** Tells everybody who is there, once for all changes of a moment. */
  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    this.#schedule.at(this.#schedule.nowMs(), () => {
      this.#announcing = false;
      for (const transport of this.#transports.values()) transport.peersChanged();
    });
  }
}

export class SimTransport implements Transport {
  readonly self: HostId;
  readonly #network: SimNetwork;
  readonly #onMessage: ((from: HostId, message: Message) => void)[] = [];
  readonly #onPeers: ((peers: readonly PeerState[]) => void)[] = [];

  constructor(network: SimNetwork, self: HostId) {
    this.#network = network;
    this.self = self;
  }

  send(to: HostId, message: Message): void {
    this.#network.deliver(this.self, to, message);
  }

  onMessage(listener: (from: HostId, message: Message) => void): void {
    this.#onMessage.push(listener);
  }

  onPeers(listener: (peers: readonly PeerState[]) => void): void {
    this.#onPeers.push(listener);
    listener(this.#network.peers(this.self));
  }

  /** There are no connections to end here; the core leaves it out of trading all the same. */
  shutOut(): void {}

  receive(from: HostId, message: Message): void {
    for (const listener of this.#onMessage) listener(from, message);
  }

  peersChanged(): void {
    if (this.#onPeers.length === 0) return;
    const peers = this.#network.peers(this.self);
    for (const listener of this.#onPeers) listener(peers);
  }
}
