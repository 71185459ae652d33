/**
 * Reaching one peer: dial it where it was last to be found, open the framed stream, and if the peer does
 * not know us for a member yet, prove it on the join protocol and try again.
 */

import type { HostId, Log } from '@barter/core';
import type { Connection } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import type { AddressBook } from './address-book.ts';
import type { Gate } from './gate.ts';
import { dialTimeoutMs, type Node } from './libp2p-node.ts';
import { readFrame, writeFrame } from './one-shot.ts';
import { proofOf } from './roster.ts';
import type { Entry } from './roster-entry.ts';
import { openEntries, type RosterStore } from './roster-store.ts';
import type { Session } from './sessions.ts';
import { decode, encode } from './wire/codec.ts';
import {
  joinAnswer,
  joinProtocol,
  joinRequest,
  joinRequestBytesMax,
  peerProtocol,
} from './wire/frame.ts';
import { limits } from './wire/limits.ts';

type Options = Readonly<{
  node: Node;
  self: HostId;
  gate: Gate;
  store: RosterStore;
  addresses: AddressBook;
  log: Log;
  /** Takes over an opened stream. */
  attach: (connection: Connection, stream: Awaited<ReturnType<Connection['newStream']>>) => Session;
  onAdded: (added: readonly Entry[]) => void;
}>;

const helloTimeoutMs = 3000;

export class Dialler {
  readonly #options: Options;
  /** What was last said about a peer that cannot be reached, so that the log says it once. */
  readonly #said = new Map<string, string>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** One attempt to reach a member. Never rejects; whether it worked shows in the sessions. */
  async reach(host: HostId): Promise<void> {
    const { addresses, node } = this.#options;
    const known = addresses.addressesOf(host);
    const open = node.getConnections().find((each) => each.remotePeer.toString() === host);
    if (known.length === 0 && open === undefined) {
      this.#say(host, 'no address of it is known yet');
      return;
    }
    await this.#attempt(
      host,
      known.map((each) => multiaddr(`${each}/p2p/${host}`)),
    );
  }

  /** Dials a configured address, whoever answers there. */
  async bootstrap(address: string): Promise<void> {
    await this.#attempt(address, [multiaddr(address)]);
  }

  async #attempt(name: string, targets: Multiaddr[]): Promise<void> {
    try {
      const connection = await this.#connect(name, targets);
      if (await this.#openSession(connection)) {
        this.#said.delete(name);
        return;
      }
      const problem = await this.#introduce(connection);
      // Streams that were reset while we were a stranger stay reset: begin anew as a member.
      await connection.close().catch(() => {});
      if (problem !== undefined) {
        this.#say(name, problem);
      } else if (!(await this.#openSession(await this.#connect(name, targets)))) {
        this.#say(name, 'it took our membership but opens no stream');
      }
    } catch (error) {
      this.#say(name, error instanceof Error ? error.message : String(error));
    }
  }

  async #connect(name: string, targets: Multiaddr[]): Promise<Connection> {
    const { node } = this.#options;
    const signal = AbortSignal.timeout(dialTimeoutMs);
    if (targets.length > 0) return node.dial(targets, { signal });
    const open = node.getConnections().find((each) => each.remotePeer.toString() === name);
    if (open === undefined) throw new Error('the connection ended');
    return open;
  }

  /** True when the peer said hello. */
  async #openSession(connection: Connection): Promise<boolean> {
    const { gate, attach } = this.#options;
    if (!gate.admits(connection.remotePeer)) return false;
    const signal = AbortSignal.timeout(helloTimeoutMs);
    const stream = await connection.newStream(peerProtocol, { signal });
    const session = attach(connection, stream);
    await new Promise<void>((resolve) => {
      if (session.isReady() || !session.stream.isOpen) return resolve();
      const timer = setTimeout(() => session.stream.abort('no hello'), helloTimeoutMs);
      session.onceSettled(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return session.isReady();
  }

  /** Proves our membership; undefined when it was accepted. */
  async #introduce(connection: Connection): Promise<string | undefined> {
    const { store, self, onAdded } = this.#options;
    const proof = proofOf(store.current, self).map((entry) => entry.bytes);
    const question = encode(
      joinRequest,
      { kind: 'introduce', entries: proof },
      joinRequestBytesMax,
    );
    if (!question.ok) return question.message;
    const signal = AbortSignal.timeout(dialTimeoutMs);
    const stream = await connection.newStream(joinProtocol, { signal });
    writeFrame(stream, question.value);
    const bytes = await readFrame(stream, {
      bytesMax: limits.frameBytes,
      timeoutMs: dialTimeoutMs,
    });
    if (!bytes.ok) return `it does not take this host for a member (${bytes.message})`;
    const answer = decode(joinAnswer, bytes.value, limits.frameBytes);
    if (!answer.ok) return answer.message;
    if (answer.value.kind === 'refused') return answer.value.message;
    const entries = await openEntries(answer.value.entries, store.current);
    if (!entries.ok) return entries.message;
    const peer = connection.remotePeer.toString() as HostId;
    if (!store.wouldAdmit(entries.value, peer)) {
      return 'it does not prove that it is a member of this cluster';
    }
    const merged = await store.merge(entries.value);
    if (!merged.ok) return merged.message;
    if (merged.value.added.length > 0) onAdded(merged.value.added);
    return undefined;
  }

  #say(name: string, problem: string): void {
    if (this.#said.get(name) === problem) return;
    this.#said.set(name, problem);
    const { log } = this.#options;
    log.log('info', 'unreachable', `${name} is not reached: ${problem}; trying again.`, {
      peer: name,
    });
  }
}
