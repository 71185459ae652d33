/**
 * The peer network of a real agent: `PeerNetwork` over libp2p. This file opens it and shows it to the
 * rest of the agent; what it is made of is in `network-parts.ts`.
 */

import { once } from 'node:events';
import type { HostId } from '@barter/core';
import { failure, type Result, success } from '../result.ts';
import { AddressBook, dialable } from './address-book.ts';
import { fullMeshMax } from './dial-targets.ts';
import { openIdentity } from './identity.ts';
import { Invitations } from './invitations.ts';
import { statePaths } from './join.ts';
import { dialTimeoutMs } from './libp2p-node.ts';
import { guardHandler } from './members-only.ts';
import { clusterNameOf, expel, invite } from './membership.ts';
import { buildParts, type NetworkOptions, type Opened, type Parts } from './network-parts.ts';
import type { PeerNetwork } from './peer-network.ts';
import type { ClusterId } from './roster-entry.ts';
import { RosterStore } from './roster-store.ts';
import { joinProtocol, peerProtocol } from './wire/frame.ts';

export type { NetworkOptions };

export type Libp2pNetwork = PeerNetwork &
  Readonly<{ cluster: Readonly<{ id: ClusterId; name: string }> }>;

/**
 * Opens this host's membership and starts its node; connections follow by themselves. Errors: `no-roster`,
 * `roster-corrupt`, `key-permissions`, `key-unreadable`, `expelled`, `listen-failed`, `bad-address`, and
 * those of the files.
 */
export async function openLibp2pNetwork(options: NetworkOptions): Promise<Result<Libp2pNetwork>> {
  const given = [...options.bootstrap, ...options.listen];
  const bad = given.find((address) => dialable(address).length === 0);
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
  const opened = {
    identity: identity.value,
    store: store.value,
    invitations: invitations.value,
    addresses,
  };
  const network = present(options, opened, await buildParts(options, opened));
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

function present(options: NetworkOptions, opened: Opened, parts: Parts): Startable {
  const { log, clock } = options;
  const { identity, store, invitations, addresses } = opened;
  const { listeners, node, gate, links, dialler, reconnect, gossip, desk, bootstrap, shutOuts } =
    parts;
  const self = identity.host;
  const membership = {
    identity,
    store,
    invitations,
    clock,
    addresses: parts.ownAddresses,
    onAdded: parts.addedHere,
  };

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
        guardHandler(
          (stream, connection) => void links.attach(connection, stream),
          parts.admitsStream,
        ),
        { maxInboundStreams: 4, maxOutboundStreams: 4 },
      );
      await node.handle(
        joinProtocol,
        (stream, connection) => {
          const { remotePeer } = connection;
          // A member that asks without end takes the place of those who want to become one.
          if (gate.admits(remotePeer) && !gate.admitsStream(remotePeer)) {
            stream.abort(new Error('too many streams'));
            return;
          }
          return desk.serve(stream, connection);
        },
        { maxInboundStreams: 2 },
      );
      node.addEventListener('connection:open', (event) => gate.opened(event.detail));
      await node.start();
      gossip.start();
      links.start();
      parts.connect();
      bootstrap.start();
    },
    send(to, message) {
      const sent = links.send(to, { kind: 'core', message }, { bestEffort: true });
      if (sent.ok) return;
      if (sent.code === 'unreachable') void connectFor(to, dialTimeoutMs);
      else log.log('warn', 'message-not-sent', `A "${message.kind}" was not sent: ${sent.message}`);
    },
    onMessage: (listener) => listeners.onMessage(listener),
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
    invite: ({ expiresInMs }) => invite(membership, expiresInMs),
    expel: (peer, how = { withGuests: false }) => expel(membership, peer, how),
    suspect: (peer, problem) => {
      if (!shutOuts.has(peer)) shutOuts.strike(peer, problem);
    },
    shutOut: (peer, forMs, why) => shutOuts.shutOut(peer, why, forMs),
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
