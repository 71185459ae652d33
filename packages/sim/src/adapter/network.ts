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

/** Where a host is connected: what every message passes, so that it is not looked up by name at each step. */
type Station = {
  readonly host: HostId;
  /** Of the agent's present life, or its last one. */
  transport: SimTransport;
  isUp: boolean;
};

export class SimNetwork {
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #stations = new Map<HostId, Station>();
  readonly #cut = new Set<string>();
  /** How many hosts are gone now. */
  #down = 0;
  #announcing = false;
  options: Required<NetworkOptions>;
  /** Whether a host keeps back what it should have said: nobody hears of it. */
  withholds: (from: HostId, message: Message) => boolean = () => false;
  /** Told of every message as it arrives. */
  onArrival: (from: HostId, to: HostId, message: Message) => void = () => {};
  /** What was put on the wire, lost or not. */
  messages = 0;
  bytes = 0;
  /** The last message, and its size: many get the same one. */
  #sized: Message | undefined;
  #sizedBytes = 0;

  constructor(schedule: Schedule, random: Random, options: NetworkOptions = {}) {
    this.#schedule = schedule;
    this.#random = random;
    this.options = { latencyMs: [0.2, 2], loss: 0, repetition: 0, ...options };
  }

  /** The transport of one host. A host that restarts joins again: what was under way to it is lost. */
  join(host: HostId): SimTransport {
    const transport = new SimTransport(this, host);
    const station = this.#stations.get(host);
    if (station === undefined) this.#stations.set(host, { host, transport, isUp: true });
    else {
      station.transport = transport;
      this.#setUp(station, true);
    }
    this.#announce();
    return transport;
  }

  /** The host is gone: nothing reaches it or leaves it. */
  leave(host: HostId): void {
    const station = this.#stations.get(host);
    if (station !== undefined) this.#setUp(station, false);
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
    const [one, other] = [this.#stations.get(left), this.#stations.get(right)];
    if (one === undefined || other === undefined) return false;
    return this.#isOpen(one, other) && this.#isOpen(other, one);
  }

  peers(of: HostId): readonly PeerState[] {
    return [...this.#stations.keys()]
      .filter((host) => host !== of)
      .map((host) => ({ host, connected: this.connected(of, host) }));
  }

  /** Used by the transports. */
  deliver(from: HostId, to: HostId, message: Message): void {
    if (this.withholds(from, message)) return;
    const [source, target] = [this.#stations.get(from), this.#stations.get(to)];
    if (source === undefined || target === undefined || !this.#isOpen(source, target)) return;
    const { loss, repetition, latencyMs } = this.options;
    this.messages++;
    this.bytes += this.#bytesOf(message);
    const copies = repetition > 0 && this.#random.next() < repetition ? 2 : 1;
    const { transport } = target;
    for (let copy = 0; copy < copies; copy++) {
      if (loss > 0 && this.#random.next() < loss) continue;
      const delayMs = latencyMs[0] + this.#random.next() * (latencyMs[1] - latencyMs[0]);
      this.#schedule.at(this.#schedule.nowMs() + delayMs, () => {
        // A host that went away or restarted meanwhile does not get it.
        if (target.transport !== transport || !this.#isOpen(source, target)) return;
        this.onArrival(from, to, message);
        transport.receive(from, message);
      });
    }
  }

  #bytesOf(message: Message): number {
    if (this.#sized !== message) {
      this.#sized = message;
      this.#sizedBytes = messageBytes(message);
    }
    return this.#sizedBytes;
  }

  #isOpen(from: Station, to: Station): boolean {
    // As in most simulations.
    if (this.#down === 0 && this.#cut.size === 0) return true;
    return from.isUp && to.isUp && !this.#cut.has(`${from.host}>${to.host}`);
  }

  #setUp(station: Station, isUp: boolean): void {
    if (station.isUp !== isUp) this.#down += isUp ? -1 : 1;
    station.isUp = isUp;
  }

  /** Tells everybody who is there, once for all changes of a moment. */
  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    this.#schedule.at(this.#schedule.nowMs(), () => {
      this.#announcing = false;
      for (const { transport } of this.#stations.values()) transport.peersChanged();
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
