/**
 * The peer network of a real agent: `PeerNetwork` over libp2p. Here the parts are joined; each keeps a
 * rule of its own:
 *
 *   gate, members-only   who may connect, and what a stranger reaches
 *   roster*, join-desk   who is a member, and how one becomes one
 *   reconnect, dialler   staying connected
 *   sessions, requests   frames between two members, bounded both ways
 *   gossip               load summaries
 *   shut-out             peers gone wrong cost a bounded amount of time
 */

import { once } from 'node:events';
import type { Clock, HostId, Log } from '@barter/core';
import type { PeerId } from '@libp2p/interface';
import { failure, type Result, success } from '../result.ts';
import { AddressBook, announced, dialable } from './address-book.ts';
import { Bootstrap } from './bootstrap.ts';
import { dialTargets, fullMeshMax } from './dial-targets.ts';
import { Dialler } from './dialler.ts';
import { Gate } from './gate.ts';
import { Gossip, topicOf } from './gossip.ts';
import { type Identity, openIdentity } from './identity.ts';
import { Invitations } from './invitations.ts';
import { statePaths } from './join.ts';
import { JoinDesk } from './join-desk.ts';
import { createNode, dialTimeoutMs, type Node } from './libp2p-node.ts';
import { Links } from './links.ts';
import { Listeners } from './listeners.ts';
import { guardHandler } from './members-only.ts';
import { clusterNameOf, expel, invite } from './membership.ts';
import type { PeerNetwork } from './peer-network.ts';
import { Reconnect } from './reconnect.ts';
import type { ClusterId, Entry } from './roster-entry.ts';
import { RosterStore } from './roster-store.ts';
import { ShutOuts } from './shut-out.ts';
import { joinProtocol, peerProtocol } from './wire/frame.ts';

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

export type Libp2pNetwork = PeerNetwork &
  Readonly<{ cluster: Readonly<{ id: ClusterId; name: string }> }>;

/** What was read from disk before the network can be built. */
type Opened = Readonly<{
  identity: Identity;
  store: RosterStore;
  invitations: Invitations;
  addresses: AddressBook;
}>;

/**
 * Opens this host's membership and starts its node; connections follow by themselves. Errors: `no-roster`,
 * `roster-corrupt`, `key-permissions`, `key-unreadable`, `expelled`, `listen-failed`, `bad-address`, and
 * those of the files.
 */
export async function openLibp2pNetwork(options: NetworkOptions): Promise<Result<Libp2pNetwork>> {
  const bad = options.bootstrap.find((address) => dialable(address).length === 0);
  if (bad !== undefined) {
    return failure('bad-address', `"${bad}" is not an address like /ip4/192.0.2.1/tcp/7411.`);
  }
  const identity = await openIdentity(options.keyFile);
  if (!identity.ok) return identity;
  const paths = statePaths(options.stateDirectory);
  const store = await RosterStore.open(paths.roster);
  if (!store.ok) return store;
  const { host } = identity.value;
  if (store.value.current.expelled.has(host)) {
    return failure(
      'expelled',
      `This host was expelled from the cluster. To come back it needs a new key: remove ${options.keyFile} and ${paths.roster}, then join with a new ticket.`,
    );
  }
  if (!store.value.isMember(host)) {
    return failure(
      'roster-corrupt',
      `${paths.roster} does not have this host's key in it (${host}): one of the two was replaced. Restore the key, or remove the roster and join again.`,
    );
  }
  const invitations = await Invitations.open(paths.invitations, options.clock);
  if (!invitations.ok) return invitations;
  const addresses = await AddressBook.open(paths.addresses);
  const network = await assemble(options, {
    identity: identity.value,
    store: store.value,
    invitations: invitations.value,
    addresses,
  });
  try {
    await network.start();
    return success(network);
  } catch (error) {
    await network.close();
    // libp2p tells of every address on a line of its own.
    const detail = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
    return failure(
      'listen-failed',
      `Cannot listen on ${options.listen.join(', ')} (${detail}). Is another agent running, or the address not one of this host?`,
    );
  }
}

type Startable = Libp2pNetwork & Readonly<{ start(): Promise<void> }>;

async function assemble(options: NetworkOptions, opened: Opened): Promise<Startable> {
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
  const topic = topicOf(store.current.cluster);
  const node: Node = await createNode({
    identity,
    listen: options.listen,
    gater: gate.gater,
    admits,
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
    onSummary: (from, summary) => gossip.receive(from, summary),
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
  const gossip = new Gossip({
    node,
    topic,
    links,
    shutOuts,
    admits,
    log,
    members: () => store.current.members.size,
    onSummary: (summary) => listeners.summary(summary),
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
  const membership = { identity, store, invitations, clock, addresses: ownAddresses };

  /** Beyond a full mesh a peer may be a member without being connected: then it is dialled first. */
  const connectFor = async (to: HostId, timeoutMs: number): Promise<void> => {
    if (links.sessions.isConnected(to) || !store.isMember(to)) return;
    if (store.current.members.size <= fullMeshMax) return;
    const late = AbortSignal.timeout(timeoutMs);
    await Promise.race([dialler.reach(to), once(late, 'abort')]);
  };

  return {
    self,
    get cluster() {
      return { id: store.current.cluster, name: clusterNameOf(store.current) };
    },
    async start() {
      await node.handle(
        peerProtocol,
        guardHandler((stream, connection) => void links.attach(connection, stream), admits),
        { maxInboundStreams: 4, maxOutboundStreams: 4 },
      );
      await node.handle(joinProtocol, (stream, connection) => desk.serve(stream, connection), {
        maxInboundStreams: 2,
      });
      node.addEventListener('connection:open', (event) => gate.opened(event.detail));
      await node.start();
      gossip.start();
      links.start();
      reconnect.setTargets(dialTargets(self, store.current.members.keys()));
      bootstrap.start();
    },
    broadcast: (summary) => gossip.broadcast(summary),
    send(to, message) {
      const sent = links.send(to, { kind: 'core', message }, { bestEffort: true });
      if (sent.ok) return;
      if (sent.code === 'unreachable') void connectFor(to, dialTimeoutMs);
      else log.log('warn', 'message-not-sent', `A "${message.kind}" was not sent: ${sent.message}`);
    },
    onMessage: (listener) => listeners.onMessage(listener),
    onSummary: (listener) => listeners.onSummary(listener),
    onPeers(listener) {
      listeners.onPeers(listener);
      // Who listens late must not wait for the next change.
      listener(links.peers());
    },
    async request(to, name, body, timeoutMs) {
      const beganAtMs = performance.now();
      await connectFor(to, timeoutMs);
      const leftMs = Math.max(1, timeoutMs - (performance.now() - beganAtMs));
      return links.requests.ask(to, name, body, leftMs);
    },
    onRequest: (name, handler) => links.requests.handle(name, handler),
    peers: () => links.peers(),
    remoteAddress(peer) {
      const address = links.sessions.best(peer)?.connection.remoteAddr;
      const component = address?.getComponents().find(({ name }) => /^ip[46]$/.test(name));
      return component?.value;
    },
    addresses: () => node.getMultiaddrs().map(String),
    invite: ({ expiresInMs }) => invite({ ...membership, onAdded: addedHere }, expiresInMs),
    expel: (peer) => expel({ ...membership, onAdded: addedHere }, peer),
    roster: () => [...store.current.members.values()],
    async close() {
      links.close();
      bootstrap.close();
      reconnect.close();
      await node.stop();
      await store.settled();
      await addresses.settled();
    },
  };
}
