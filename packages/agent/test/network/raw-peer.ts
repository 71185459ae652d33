/** A peer that does not keep the rules: a bare libp2p node, with streams to write anything to. */

import { noise } from '@chainsafe/libp2p-noise';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Connection, PrivateKey, Stream } from '@libp2p/interface';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import * as lengthPrefixed from 'it-length-prefixed';
import { createLibp2p } from 'libp2p';
import { openIdentity } from '../../src/network/identity.ts';
import type { Libp2pNetwork } from '../../src/network/libp2p-network.ts';
import { encodeFrame } from '../../src/network/sessions.ts';
import { decode, encode } from '../../src/network/wire/codec.ts';
import {
  type Frame,
  frame,
  joinProtocol,
  joinRequest,
  joinRequestBytesMax,
  peerProtocol,
} from '../../src/network/wire/frame.ts';
import { limits } from '../../src/network/wire/limits.ts';
import { must } from './hosts.ts';

export async function rawNode(privateKey?: PrivateKey) {
  return createLibp2p({
    ...(privateKey === undefined ? {} : { privateKey }),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({ allowPublishToZeroTopicPeers: true }),
    },
  });
}

export type RawNode = Awaited<ReturnType<typeof rawNode>>;

/** A node with the key of a host that was signed in. */
export async function rawMember(keyFile: string): Promise<RawNode> {
  return rawNode(must(await openIdentity(keyFile)).privateKey);
}

export function dial(node: RawNode, target: Libp2pNetwork): Promise<Connection> {
  return node.dial(target.addresses().map((each) => multiaddr(each)));
}

/** The framed stream, with hello said. */
export async function openPeerStream(connection: Connection): Promise<Stream> {
  const stream = await connection.newStream(peerProtocol);
  sendFrame(stream, {
    kind: 'hello',
    version: 1,
    name: 'raw',
    rosterDigest: new Uint8Array(32),
    addresses: [],
  });
  return stream;
}

export function sendFrame(stream: Stream, frame: Frame): void {
  sendBytes(stream, must(encodeFrame(frame)));
}

export function sendBytes(stream: Stream, bytes: Uint8Array): void {
  stream.send(lengthPrefixed.encode.single(bytes).subarray());
}

/** Reads frames until one is the right one; fails when the stream ends before. */
export async function readFrames(
  stream: Stream,
  isRight: (received: Frame) => boolean,
): Promise<void> {
  for await (const bytes of lengthPrefixed.decode(stream)) {
    if (isRight(must(decode(frame, bytes.subarray(), limits.frameBytes)))) return;
  }
  throw new Error('the stream ended before the frame came');
}

/** All that comes on a stream until it ends; `reset` tells how it ended. */
export async function drain(stream: Stream): Promise<Readonly<{ bytes: number; reset: boolean }>> {
  let bytes = 0;
  try {
    for await (const chunk of stream) bytes += chunk.byteLength;
    return { bytes, reset: false };
  } catch {
    return { bytes, reset: true };
  }
}

/** Whether a node gets as much as an answer from the one protocol that is open to strangers. */
export async function reaches(node: RawNode, target: Libp2pNetwork): Promise<boolean> {
  // A connection that is just being ended would answer for the new one.
  await Promise.all(node.getConnections().map((each) => each.close().catch(() => {})));
  try {
    const stream = await (await dial(node, target)).newStream(joinProtocol);
    sendBytes(
      stream,
      must(encode(joinRequest, { kind: 'introduce', entries: [] }, joinRequestBytesMax)),
    );
    const { bytes } = await drain(stream);
    return bytes > 0;
  } catch {
    return false;
  }
}
