/** What every `Transport` must do, real or simulated. */

import type { DealId, HostId, LoadSummary, Message, PeerState, Transport } from '@barter/core';
import { afterEach, describe, expect, it } from 'vitest';

export type TransportSetup = Readonly<{
  /** One for each host of a cluster in which everybody is connected to everybody. */
  transports: readonly Transport[];
  /** Lets things happen until the condition holds; fails when it does not within a sensible time. */
  until(condition: () => boolean): Promise<void>;
  /** Takes one host away for good, as if it had died. */
  remove(host: HostId): Promise<void>;
  close(): Promise<void>;
}>;

/** `setup` makes a network that loses nothing, of that many hosts. */
export function transportContract(
  name: string,
  setup: (hosts: number) => Promise<TransportSetup>,
): void {
  describe(`transport: ${name}`, () => {
    let network: TransportSetup | undefined;
    afterEach(async () => {
      await network?.close();
      network = undefined;
    });
    const start = async (hosts: number) => {
      const made = await setup(hosts);
      network = made;
      return { ...made, transports: made.transports as [Transport, Transport, ...Transport[]] };
    };

    it('gives every host a name of its own', async () => {
      const { transports } = await start(3);
      expect(new Set(transports.map(({ self }) => self)).size).toBe(3);
    });

    it('brings a message unchanged to the host it is for, and to nobody else', async () => {
      const { transports, until } = await start(3);
      const [sender, receiver] = transports;
      const seen: [HostId, HostId, Message][] = [];
      for (const { self, onMessage } of bound(transports)) {
        onMessage((from, message) => seen.push([self, from, message]));
      }
      const messages: Message[] = [
        { kind: 'decline', deal: 'd' as DealId, reason: 'no-gain', detail: 'a – “b” 🙂' },
        proposal(receiver.self),
      ];
      for (const message of messages) sender.send(receiver.self, message);
      await until(() => seen.length >= messages.length);
      const expected = messages.map((message) => [receiver.self, sender.self, message]);
      // In any order, and perhaps more than once.
      for (const each of expected) expect(seen).toContainEqual(each);
      for (const each of seen) expect(expected).toContainEqual(each);
    });

    it('tells every listener', async () => {
      const { transports, until } = await start(2);
      const [sender, receiver] = transports;
      const told: string[] = [];
      receiver.onMessage(() => told.push('first'));
      receiver.onMessage(() => told.push('second'));
      sender.send(receiver.self, inquire('d'));
      await until(() => told.includes('first') && told.includes('second'));
    });

    it('loses a message to an unknown host without a word', async () => {
      const { transports, until } = await start(2);
      const [sender, receiver] = transports;
      const seen: Message[] = [];
      receiver.onMessage((_, message) => seen.push(message));
      sender.send('nobody' as HostId, inquire('lost'));
      sender.send(receiver.self, inquire('kept'));
      await until(() => seen.length > 0);
      expect(seen).toEqual([inquire('kept')]);
    });

    it('tells who is there at once, and when somebody is not any more', async () => {
      const { transports, until, remove } = await start(3);
      const [watcher, leaver, stayer] = transports;
      let told: readonly PeerState[] = [];
      watcher.onPeers((peers) => {
        told = peers;
      });
      const connected = () => told.filter((peer) => peer.connected).map(({ host }) => host);
      await until(() => connected().length === 2);
      expect(told.map(({ host }) => host)).not.toContain(watcher.self);
      await remove(leaver.self);
      await until(() => connected().length === 1);
      expect(connected()).toEqual([stayer?.self]);
      watcher.send(leaver.self, inquire('to nobody'));
    });
  });
}

/** The same methods, to be called one by one. */
function bound(transports: readonly Transport[]) {
  return transports.map((transport) => ({
    self: transport.self,
    onMessage: transport.onMessage.bind(transport),
  }));
}

function inquire(deal: string): Message {
  return { kind: 'inquire', deal: deal as DealId };
}

function proposal(host: HostId): Message {
  const { name, location, capacity, load } = summaryOf(host);
  return {
    kind: 'propose',
    deal: 'deal' as DealId,
    expiresInMs: 1500,
    book: {
      host,
      name,
      location,
      capacity,
      load,
      offers: [],
      fixed: { keepApart: ['database'], keepTogether: [] },
      partners: [],
    },
  };
}

function summaryOf(host: HostId): LoadSummary {
  return {
    host,
    name: 'kvm1',
    sequence: 1,
    location: ['pod1', 'rack3'],
    mode: 'auto',
    stopped: false,
    capacity: {
      memoryBytes: 64e9,
      vcpus: 32,
      nicBitsPerSecond: 1e10,
      memoryLimitBytes: 57e9,
      vcpuLimit: 128,
      memoryTransientBytes: 64e9,
    },
    load: { memoryBytes: 1e9, vcpus: 4, cpu: 1.25, nicBitsPerSecond: 5e7 },
    measured: true,
    domains: 3,
    revision: 7,
    tradedMsAgo: 0,
  };
}
