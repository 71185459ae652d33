/**
 * The libp2p node under the peer network, with the settings that measurements asked for: many nodes
 * may stand behind one address, and what a peer may open or send is bounded before any code of ours sees it.
 */

import { noise } from '@chainsafe/libp2p-noise';
import { gossipsub, StrictSign } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { ConnectionGater, PeerId } from '@libp2p/interface';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import type { Identity } from './identity.ts';
import { type Guard, membersOnly } from './members-only.ts';
import { limits } from './wire/limits.ts';

export const dialTimeoutMs = 5000;

type Options = Readonly<{
  identity: Identity;
  listen: readonly string[];
  gater: ConnectionGater;
  guard: Guard;
  /** The only topic. */
  topic: string;
}>;

/** Not started yet, so that handlers are in place before the first connection. */
export function createNode(options: Options) {
  const { guard } = options;
  return createLibp2p({
    ...base(options.identity),
    start: false,
    addresses: { listen: [...options.listen] },
    connectionGater: options.gater,
    connectionMonitor: {
      // For connections without a stream of ours; those with one are watched by `liveness.ts`.
      pingInterval: 15_000,
      pingTimeout: { minTimeout: 5000, maxTimeout: 10_000 },
    },
    services: {
      identify: membersOnly(identify(), guard),
      ping: membersOnly(ping({ maxInboundStreams: 4 }), guard),
      gossip: membersOnly(
        gossipsub({
          globalSignaturePolicy: StrictSign,
          allowPublishToZeroTopicPeers: true,
          allowedTopics: [options.topic],
          // Rare news: a slow heartbeat costs an idle agent little.
          heartbeatInterval: 10_000,
          maxInboundDataLength: limits.frameBytes,
          maxInboundStreams: 4,
          // Otherwise nobody gets any gossip with 16 or more nodes behind one address.
          scoreParams: { IPColocationFactorWeight: 0 },
        }),
        guard,
      ),
    },
  });
}

export type Node = Awaited<ReturnType<typeof createNode>>;

/** A node that only dials, for as long as joining takes: it listens nowhere and offers nothing. */
export function createVisitor(identity: Identity, host: PeerId) {
  return createLibp2p({
    ...base(identity),
    addresses: { listen: [] },
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyInboundConnection: () => true,
      denyOutboundEncryptedConnection: (peer) => !peer.equals(host),
    },
  });
}

function base(identity: Identity) {
  return {
    privateKey: identity.privateKey,
    nodeInfo: { name: 'barter', userAgent: 'barter' },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    // A member has at most ten streams open to us; a stranger one.
    streamMuxers: [yamux({ maxInboundStreams: 32, maxEarlyStreams: 8 })],
    connectionManager: {
      maxConnections: 2048,
      dialTimeout: dialTimeoutMs,
      inboundUpgradeTimeout: dialTimeoutMs,
      // A whole rack behind one address may come back at once after a power cut.
      inboundConnectionThreshold: 32,
      maxIncomingPendingConnections: 32,
      inboundStreamProtocolNegotiationTimeout: dialTimeoutMs,
      outboundStreamProtocolNegotiationTimeout: dialTimeoutMs,
    },
  };
}
