/**
 * Where each member was last to be found, kept across restarts so that an agent can dial everybody again.
 *
 * Addresses need no signature: whoever answers there has to prove by its key who it is. A peer's own
 * word replaces what was known; hearsay counts only while nothing else is known.
 */

import type { HostId } from '@barter/core';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { z } from 'zod';
import { readIfPresent, writeDurably } from './state-file.ts';
import { limits } from './wire/limits.ts';

const fileBytesMax = 16 * 1024 * 1024;
const fileShape = z.object({
  version: z.literal(1),
  peers: z.record(z.string(), z.array(z.string()).max(limits.multiaddrs)),
});

export class AddressBook {
  readonly #path: string;
  readonly #known: Map<HostId, readonly string[]>;
  #writing: Promise<unknown> = Promise.resolve();
  #isDirty = false;

  private constructor(path: string, known: Map<HostId, readonly string[]>) {
    this.#path = path;
    this.#known = known;
  }

  /** A file that is missing or damaged is an empty book: nothing but time is lost. */
  static async open(path: string): Promise<AddressBook> {
    const content = await readIfPresent(path, fileBytesMax);
    let json: unknown;
    try {
      json = JSON.parse((content.ok && content.value) || 'null');
    } catch {
      json = null;
    }
    const file = fileShape.safeParse(json);
    const peers = file.success ? Object.entries(file.data.peers) : [];
    const known = peers.map(([host, list]) => [host as HostId, list.flatMap(dialable)] as const);
    return new AddressBook(path, new Map(known));
  }

  addressesOf(host: HostId): readonly string[] {
    return this.#known.get(host) ?? [];
  }

  /** True when this changed what is known. Invalid addresses are left out. */
  learn(host: HostId, addresses: readonly string[], source: 'itself' | 'hearsay'): boolean {
    const before = this.addressesOf(host);
    if (source === 'hearsay' && before.length > 0) return false;
    const next = [...new Set(addresses.flatMap(dialable))].slice(0, limits.multiaddrs);
    if (next.length === 0 || next.join() === before.join()) return false;
    this.#known.set(host, next);
    this.#save();
    return true;
  }

  forget(host: HostId): void {
    if (this.#known.delete(host)) this.#save();
  }

  hosts(): readonly HostId[] {
    return [...this.#known.keys()];
  }

  /** Resolves when everything learnt so far was written, or could not be. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #save(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#writing = this.#writing.then(async () => {
      this.#isDirty = false;
      const peers = Object.fromEntries(this.#known);
      // An address book that cannot be written costs a later dial, nothing else.
      await writeDurably(this.#path, `${JSON.stringify({ version: 1, peers }, null, 1)}\n`);
    });
  }
}

/** The address without peer id if it is one of TCP over IP or a name, else nothing. */
export function dialable(address: string): readonly string[] {
  if (address.length > limits.multiaddr) return [];
  try {
    const parts = multiaddr(address).getComponents();
    const [network, transport, peer, ...rest] = parts;
    const isNetwork = ['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(network?.name ?? '');
    if (!isNetwork || transport?.name !== 'tcp' || rest.length > 0) return [];
    if (peer !== undefined && peer.name !== 'p2p') return [];
    return [`/${network?.name}/${network?.value}/tcp/${transport.value}`];
  } catch {
    return [];
  }
}

/**
 * What to announce of the addresses a node listens on: without loopback and link-local ones, which mean
 * something else on another machine, unless there is nothing else.
 */
export function announced(own: readonly Multiaddr[]): readonly string[] {
  const all = [...new Set(own.flatMap((each) => dialable(each.toString())))];
  const useful = all.filter((each) => !/^\/ip4\/(127|169\.254)\.|^\/ip6\/(::1|fe80:)/.test(each));
  return (useful.length > 0 ? useful : all).slice(0, limits.multiaddrs);
}
