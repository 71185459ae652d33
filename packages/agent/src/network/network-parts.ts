/**
 * The parts of the peer network, joined. Each keeps a rule of its own:
 *
 *   gate, members-only         who may connect, and what a stranger reaches
 *   roster*, join-desk         who is a member, and how one becomes one
 *   reconnect, dialler         staying connected
 *   links, sessions, requests  frames between two members, bounded both ways
 *   liveness, shut-out         peers that hang or go wrong cost a bounded amount of time
 *
 * They call each other in circles (a frame changes the roster, the roster ends a connection), so they are
 * built here in one scope.
 */

import type { Clock, HostId, Log } from '@barter/core';
import type { PeerId } from '@libp2p/interface';
import { type AddressBook, announced } from './address-book.ts';
import { Bootstrap } from './bootstrap.ts';
import { dialTargets } from './dial-targets.ts';
import { Dialler } from './dialler.ts';
import { Gate } from './gate.ts';
import type { Identity } from './identity.ts';
import type { Invitations } from './invitations.ts';
import { JoinDesk } from './join-desk.ts';
import { createNode, type Node } from './libp2p-node.ts';
import { Links } from './links.ts';
import { Listeners } from './listeners.ts';
import { Reconnect } from './reconnect.ts';
import type { Entry } from './roster-entry.ts';
import { RosterGossip, rosterTopicOf } from './roster-gossip.ts';
import { framesOf } from './roster-spread.ts';
import type { RosterStore } from './roster-store.ts';
import { ShutOuts } from './shut-out.ts';

export type NetworkOptions = Readonly<{
  /** This host's key; created with mode 0600 when it is not there. */
  keyFile: string;
  /** Where the roster, the invitations and the address book are kept. */
  stateDirectory: string;
  /** How operators call this host. */
  name: string;
  /** Multiaddrs to listen on: `/ip4/0.0.0.0/tcp/7411`. */
  listen: readonly string[];
  /** Multiaddrs to dial besides those that are remembered. */
  bootstrap: readonly string[];
  log: Log;
  clock: Clock;
}>;

/** What was read from disk before the network can be built. */
export type Opened = Readonly<{
  identity: Identity;
  store: RosterStore;
  invitations: Invitations;
  addresses: AddressBook;
}>;

export type Parts = Awaited<ReturnType<typeof buildParts>>;

/** Builds everything; nothing listens, dials or answers before it is started. */
export async function buildParts(options: NetworkOptions, opened: Opened) {
  const { log, clock } = options;
  const { identity, store, invitations, addresses } = opened;
  const self = identity.host;
  const listeners = new Listeners(log);

  const disconnect = (host: HostId, reason: string) => {
    links.sessions.drop(host, reason);
    for (const connection of node.getConnections()) {
      if (connection.remotePeer.toString() === host) connection.abort(new Error(reason));
    }
  };
  const shutOuts = new ShutOuts(log, (host) => disconnect(host, 'shut out'));
  const gate = new Gate({
    roster: () => store.current,
    shutOuts,
    log,
    connections: (peer) => node.getConnections(peer),
  });
  const admits = (peer: PeerId) => gate.admits(peer);
  const admitsStream = (peer: PeerId) => gate.admitsStream(peer);
  const topic = rosterTopicOf(store.current.cluster);
  const node: Node = await createNode({
    identity,
    listen: options.listen,
    gater: gate.gater,
    guard: { admits, admitsStream },
    topic,
  });
  const ownAddresses = () => announced(node.getMultiaddrs());

  const rosterChanged = (added: readonly Entry[]) => {
    for (const { body } of added) {
      if (body.kind !== 'expel' || store.isMember(body.peer)) continue;
      log.log('info', 'expelled', `${body.peer} was expelled by ${body.by}.`, { peer: body.peer });
      addresses.forget(body.peer);
      disconnect(body.peer, 'expelled');
    }
    reconnect.setTargets(dialTargets(self, store.current.members.keys()));
    links.announce();
  };
  const addedHere = (added: readonly Entry[]) => {
    links.spread(added);
    gossip.publish(framesOf(added));
    rosterChanged(added);
  };

  const links: Links = new Links({
    self,
    name: options.name,
    store,
    addresses,
    shutOuts,
    listeners,
    log,
    ownAddresses,
    onConnected: (host) => reconnect.connected(host),
    onDisconnected: (host) => reconnect.disconnected(host),
    onAddress: (host) => reconnect.hurry(host),
    onAdded: rosterChanged,
  });
  const dialler = new Dialler({
    node,
    self,
    gate,
    store,
    addresses,
    log,
    attach: (connection, stream) => links.attach(connection, stream),
    onAdded: addedHere,
  });
  const reconnect = new Reconnect({
    self,
    isConnected: (host) => links.sessions.isConnected(host),
    dial: (host) => dialler.reach(host),
  });
  const gossip = new RosterGossip({
    node,
    topic,
    shutOuts,
    admits,
    log,
    onRoster: (from, frame) => links.receiveRoster(from, frame),
  });
  const desk = new JoinDesk({
    identity,
    store,
    invitations,
    log,
    nowMs: () => clock.nowMs(),
    hints: () => links.hints(),
    onAdded: addedHere,
  });
  const bootstrap = new Bootstrap({
    addresses: options.bootstrap,
    isNeeded: () => links.peers().every((peer) => !peer.connected),
    dial: (address) => dialler.bootstrap(address),
  });

  return {
    listeners,
    node,
    gate,
    admitsStream,
    links,
    dialler,
    reconnect,
    gossip,
    desk,
    bootstrap,
    shutOuts,
    ownAddresses,
    addedHere,
    /** Keeps connected to whom the roster says. */
    connect: () => reconnect.setTargets(dialTargets(self, store.current.members.keys())),
  };
}
