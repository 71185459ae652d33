/** Hosts that lie about themselves, believably: an honest agent whose words are changed on their way out. */

import type { Book, HostEffect, HostId, LoadSummary, Message } from '@barter/core';
import { SimCluster, type SimClusterOptions } from '@barter/sim';
import type { cluster } from './clusters.ts';

/** What becomes of a word of the liar; undefined = it is never said. */
export type Lie = (message: Message, to: HostId, scene: LiarScene) => Message | undefined;

export type LiarScene = Readonly<{
  liar: HostId;
  sim: SimCluster;
  /** Lies told so far: another number each time. */
  count(): number;
}>;

const nothing = { memoryBytes: 0, vcpus: 0, cpu: 0, nicBitsPerSecond: 0 };

/** A summary of a host that has nothing to do, with news every time. */
function idle(summary: LoadSummary, revision: number): LoadSummary {
  const { memoryTransientBytes: memoryBytes, vcpuLimit: vcpus } = summary.capacity;
  return { ...summary, load: nothing, revision, room: { memoryBytes, vcpus } };
}

/** Tells that it is idle; every answer to a proposal is this one instead. */
function idleAnd(
  answer: (message: Message & { kind: 'accept' | 'decline' }) => Message | undefined,
): Lie {
  return (message, _to, { count }) => {
    switch (message.kind) {
      case 'summary':
        return { ...message, summary: idle(message.summary, count()) };
      case 'propose':
        return undefined;
      case 'accept':
      case 'decline':
        return answer(message);
      case 'inquire':
        return undefined;
      default:
        return message;
    }
  };
}

const decline =
  (reason: 'no-gain' | 'not-trading' | 'busy') =>
  ({ deal }: { deal: (Message & { kind: 'accept' })['deal'] }): Message => ({
    kind: 'decline',
    deal,
    reason,
    detail: 'a lie',
  });

const empty = (book: Book): Book => ({ ...book, load: nothing });

export const lies = {
  'idle, and nothing pays': idleAnd(decline('no-gain')),
  'idle, and does not trade': idleAnd(decline('not-trading')),
  'idle, and busy for ever': idleAnd(decline('busy')),
  'idle, and silent': idleAnd(() => undefined),
  'a book of an empty host': (message) =>
    message.kind === 'propose' || message.kind === 'accept'
      ? { ...message, book: empty(message.book) }
      : message,
  'takes claims and calls none': (message) => {
    if (message.kind === 'settle') return undefined;
    if (message.kind !== 'summary') return message;
    const { memoryTransientBytes: memoryBytes, vcpuLimit: vcpus } = message.summary.capacity;
    return { ...message, summary: { ...message.summary, room: { memoryBytes, vcpus } } };
  },
  'runs what runs elsewhere': (message, to, { liar, sim, count }) => {
    if (message.kind !== 'summary') return message;
    const homes = [...(sim.host(to).state?.homes.values() ?? [])];
    const entry = homes[count() % homes.length];
    if (entry === undefined) return message;
    const { domain } = entry;
    // Higher than the home's own, whatever epoch that has begun meanwhile.
    const version = 2 * entry.version;
    const notice = { domain, name: domain, holder: liar, version, addresses: [] };
    sim.network.deliver(liar, to, { kind: 'announce', id: 0, domains: [notice] });
    return message;
  },
} satisfies Record<string, Lie>;

type Told = Readonly<{ peer: HostId; forMs: number; charge: string; count: number }>;

export type Watched = Readonly<{
  sim: SimCluster;
  /** By whom `peer` was distrusted, when, and in which words. */
  distrusted: { by: HostId; peer: HostId; atMs: number; message: string; forMs: number }[];
  shutOut: { by: HostId; peer: HostId; atMs: number }[];
  /** Proposals to each host, by when. */
  proposals: { to: HostId; atMs: number }[];
  charges: { by: HostId; charge: string; count: number }[];
}>;

/** A cluster in which one host lies, or none, and what its hosts make of that. */
export function watched(
  shape: ReturnType<typeof cluster>,
  options: SimClusterOptions,
  liar?: Readonly<{ host: string; lie: Lie }>,
): Watched {
  const seen: Omit<Watched, 'sim'> = { distrusted: [], shutOut: [], proposals: [], charges: [] };
  const onEffect = (by: HostId, atMs: number, effect: HostEffect) => {
    if (effect.kind === 'shutOut') seen.shutOut.push({ by, peer: effect.peer, atMs });
    if (effect.kind === 'send' && effect.message.kind === 'propose')
      seen.proposals.push({ to: effect.to, atMs });
    if (effect.kind !== 'log') return;
    const { peer, forMs, charge, count } = effect.fields as Told;
    if (effect.code === 'peer-contradicts') seen.charges.push({ by, charge, count });
    if (effect.code === 'peer-distrusted')
      seen.distrusted.push({ by, peer, atMs, message: effect.message, forMs });
  };
  const sim = new SimCluster(shape, { ...options, onEffect });
  if (liar !== undefined) {
    const { network } = sim;
    const deliver = network.deliver.bind(network);
    let told = 0;
    const host = liar.host as HostId;
    const scene: LiarScene = { liar: host, sim, count: () => ++told };
    network.deliver = (from, to, message) => {
      const said =
        from === host && message.kind !== 'announce' ? liar.lie(message, to, scene) : message;
      if (said !== undefined) deliver(from, to, said);
    };
  }
  return { sim, ...seen };
}
