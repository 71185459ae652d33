/**
 * `node test/bench/information.ts [--hosts 16,128,1024] [--perHost 16] [--seed 1] [--trade]`
 *
 * What it costs to know: bytes and messages that one host sends in a second, by kind of message, in whole
 * clusters of the core in one process. Every message is measured as the frame that agents put on the
 * wire, with peer ids and UUIDs as long as real ones. Not counted: TCP/IP, Noise and yamux, about
 * 100 bytes a frame.
 *
 *   start     the first minute: everybody looks for everybody's domains
 *   scattered nothing is traded, and hardly any domain shares a host with its partners: the most there is to know
 *   trading   (with --trade) from the first deal on
 *   quiet     (with --trade) afterwards, when no claim has changed hands for two minutes
 */

import { parseArgs } from 'node:util';
import { encodeFrame } from '../../packages/agent/src/network/sessions.ts';
import type { HostEffect, HostId, Message } from '../../packages/core/src/index.ts';
import { type Cluster, parseCluster, SimCluster } from '../../packages/sim/src/index.ts';
import { makeCluster } from './cluster.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '16,128,1024' },
    perHost: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    trade: { type: 'boolean', default: false },
    /** Simulated seconds after which a run ends although it is not quiet. */
    limit: { type: 'string', default: '1800' },
  },
});
const perHost = Number(values.perHost);
const seed = Number(values.seed);
const second = 1000;

/** Peer ids have 52 characters, domain ids 36, names a handful. */
const hostIdOf = (id: string) => `12D3KooW${id.padStart(44, 'x')}`;
const domainIdOf = (id: string) => `00000000-0000-4000-8000-${id.slice(2).padStart(12, '0')}`;

function clusterOf(hosts: number): Cluster {
  const hostsPerRack = Math.min(16, hosts / 2);
  const racks = hosts / hostsPerRack;
  const racksPerPod = Math.min(8, racks);
  const world = makeCluster({
    seed,
    pods: racks / racksPerPod,
    racksPerPod,
    hostsPerRack,
    slots: Math.ceil(perHost / 0.8),
    fill: 0.8,
    sizes: 'equal',
  });
  const result = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: world.hosts.map(({ host, capacity, location }) => ({
      id: hostIdOf(host),
      memoryBytes: capacity.memoryBytes,
      vcpus: capacity.vcpus,
      nicBitsPerSecond: capacity.nicBitsPerSecond,
      location,
    })),
    domains: world.domains.map(({ domain, home, traits }) => ({
      id: domainIdOf(domain),
      host: hostIdOf(home),
      memoryBytes: traits.memoryBytes,
      vcpus: traits.vcpus,
      cpu: traits.cpu,
      dirtyBytesPerSecond: 1e6,
    })),
    traffic: world.rates.map(({ a, b, bitsPerSecond }) => ({
      a: domainIdOf(a),
      b: b === 'external' ? b : domainIdOf(b),
      bitsPerSecond,
    })),
  });
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

/** In the simulation ids are names as well; operators call their machines something shorter. */
function named(message: Message): Message {
  const short = <Item extends { name: string }>(item: Item): Item => ({
    ...item,
    name: item.name.slice(-8),
  });
  switch (message.kind) {
    case 'summary':
      return { ...message, summary: short(message.summary) };
    case 'announce':
      return { ...message, domains: message.domains.map(short) };
    case 'found':
      return {
        ...message,
        domains: message.domains.map(short),
        places: message.places.map(short),
      };
    default:
      return message;
  }
}

/** Counts what is sent while it is on. */
class Meter {
  readonly #kinds = new Map<string, { bytes: number; messages: number }>();
  /** Of the host watched: with whom it spoke. */
  readonly #spokenWith = new Set<HostId>();
  #watched: HostId | undefined;
  #on = false;
  #sinceMs = 0;
  #ms = 0;

  seen(host: HostId, effect: HostEffect): void {
    if (!this.#on || effect.kind !== 'send') return;
    this.#watched ??= host;
    if (host === this.#watched) this.#spokenWith.add(effect.to);
    else if (effect.to === this.#watched) this.#spokenWith.add(host);
    const encoded = encodeFrame({ kind: 'core', message: named(effect.message) });
    if (!encoded.ok) throw new Error(encoded.message);
    const length = encoded.value.length;
    const count = this.#kinds.get(effect.message.kind) ?? { bytes: 0, messages: 0 };
    count.bytes += length + (length < 128 ? 1 : length < 16_384 ? 2 : 3);
    count.messages += 1;
    this.#kinds.set(effect.message.kind, count);
  }

  start(atMs: number): void {
    this.#kinds.clear();
    this.#spokenWith.clear();
    this.#on = true;
    this.#sinceMs = atMs;
  }

  stop(atMs: number): void {
    this.#on = false;
    this.#ms = atMs - this.#sinceMs;
  }

  report(name: string, hosts: number): void {
    const rate = (amount: number) => (amount / hosts / (this.#ms / second)).toFixed(2);
    const all = [...this.#kinds].sort(([, one], [, other]) => other.bytes - one.bytes);
    const sum = (of: (count: { bytes: number; messages: number }) => number) =>
      all.reduce((total, [, count]) => total + of(count), 0);
    const bytes = sum((count) => count.bytes);
    const messages = sum((count) => count.messages);
    const parts = all
      .slice(0, 9)
      .map(([kind, count]) => `${kind} ${rate(count.bytes)} B in ${rate(count.messages)}`);
    console.log(
      `${String(hosts).padStart(5)} hosts  ${name.padEnd(9)} ${rate(bytes).padStart(9)} B/s in ${rate(messages)} messages/s a host over ${(this.#ms / second).toFixed(0)} s, one with ${this.#spokenWith.size} others   (${parts.join(', ')})`,
    );
  }
}

function run(hosts: number, cluster: Cluster, mode: 'observe' | 'auto'): void {
  const meter = new Meter();
  const began = process.cpuUsage();
  const simulation = new SimCluster(cluster, {
    seed,
    mode,
    onEffect: (host, _atMs, effect) => meter.seen(host, effect),
  });
  const measure = (name: string, until: (nowMs: number) => boolean) => {
    meter.start(simulation.world.nowMs());
    while (!until(simulation.world.nowMs())) simulation.runUntil(simulation.world.nowMs() + second);
    meter.stop(simulation.world.nowMs());
    meter.report(name, hosts);
  };
  const initialCost = simulation.world.networkCost();
  if (mode === 'observe') {
    measure('start', (nowMs) => nowMs >= 60 * second);
    simulation.runUntil(120 * second);
    measure('scattered', (nowMs) => nowMs >= 300 * second);
  } else {
    const limitMs = Number(values.limit) * second;
    const quiet = (nowMs: number) => nowMs - simulation.lastChangeAtMs > 120 * second;
    simulation.runUntil(60 * second);
    const claims = () => simulation.deals.reduce((n, d) => n + d.give.length + d.take.length, 0);
    measure('trading', (nowMs) => nowMs >= 180 * second);
    simulation.runWhile(() => !(simulation.settled && quiet(simulation.world.nowMs())), limitMs);
    const quietAtMs = simulation.world.nowMs();
    measure('quiet', (nowMs) => nowMs >= quietAtMs + 120 * second);
    console.log(
      `      ${simulation.deals.length} deals over ${claims()} claims, ${simulation.moves.length} moves, cost left ${(simulation.world.networkCost() / initialCost).toFixed(3)}, quiet at ${(quietAtMs / second).toFixed(0)} s`,
    );
  }
  const { user, system } = process.cpuUsage(began);
  const memory = process.memoryUsage.rss() / 2 ** 20;
  console.log(
    `      ${mode}: ${((user + system) / 1e6).toFixed(0)} s of CPU for ${(simulation.world.nowMs() / second).toFixed(0)} simulated s, measuring included; ${memory.toFixed(0)} MiB`,
  );
}

for (const hosts of values.hosts.split(',').map(Number)) {
  const cluster = clusterOf(hosts);
  run(hosts, cluster, 'observe');
  if (values.trade) run(hosts, cluster, 'auto');
}
