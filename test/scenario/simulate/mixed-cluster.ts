/**
 * Clusters as people have them, unlike those of the benchmark: hosts of several sizes and speeds, some with a memory limit
 * below their memory, VMs from half a GiB to eight, placement rules, traffic that leaves the cluster, few or full hosts.
 * Uplinks are at most 60 % busy at the start.
 */

import { type Cluster, parseCluster, SimRandom } from '@barter/sim';
import { normal } from '../../bench/cluster.ts';

const GiB = 2 ** 30;
const busiest = 0.6;

type Host = {
  id: string;
  memoryBytes: number;
  memoryLimitBytes?: number;
  vcpus: number;
  nicBitsPerSecond: number;
  location: string[];
};
type Policy = { frozen?: true; pin?: string[]; keepApart?: string; keepTogether?: string };
type Domain = { id: string; host: string; memoryBytes: number; policy: Policy };
type Pair = { a: string; b: string; bitsPerSecond: number };

export function mixedCluster(seed: number): Cluster {
  const random = new SimRandom(seed, 11);
  const draw = new Draw(random);
  const levels = random.below(3);
  const hosts = makeHosts(draw, levels);
  const domains = makeDomains(draw, hosts);
  const dirtyBytesPerSecond = draw.of(0, 1e6, 5e6);
  const coresEach = draw.of(0, 0.1, 0.3);
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5].slice(0, levels + 2),
    hosts,
    domains: domains.map((domain) => ({
      ...domain,
      vcpus: draw.of(1, 1, 2, 4),
      cpu: coresEach * random.next(),
      dirtyBytesPerSecond: dirtyBytesPerSecond * random.next(),
    })),
    traffic: makeTraffic(draw, hosts, domains),
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

class Draw {
  readonly #random: SimRandom;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  of<Value>(...values: readonly Value[]): Value {
    return values[this.#random.below(values.length)] as Value;
  }

  /** Lognormal: half of them below 1. */
  factor(sigma: number): number {
    return Math.exp(sigma * normal(() => this.#random.next()));
  }
}

function makeHosts(draw: Draw, levels: number): Host[] {
  const isMixed = draw.chance(0.6);
  const baseBytes = draw.of(8, 16, 32) * GiB;
  return Array.from({ length: 3 + draw.below(10) }, (_, n) => {
    const memoryBytes = baseBytes * (isMixed ? draw.of(1, 1, 2, 4) : 1);
    const place = [`pod${Math.floor(n / 6)}`, `rack${Math.floor(n / 3)}`];
    return {
      id: `h${n}`,
      memoryBytes,
      ...(draw.chance(0.2) ? { memoryLimitBytes: Math.floor(0.9 * memoryBytes) } : {}),
      vcpus: 512,
      nicBitsPerSecond: draw.of(10e9, 10e9, 25e9),
      location: place.slice(2 - levels),
    };
  });
}

/** Wherever there is room, until the hosts are filled to a share that is drawn. */
function makeDomains(draw: Draw, hosts: readonly Host[]): Domain[] {
  const limitOf = ({ memoryLimitBytes, memoryBytes }: Host) => memoryLimitBytes ?? memoryBytes;
  const sizes = draw.chance(0.5) ? [0.5, 1, 2, 2, 4, 8] : [2];
  const hasRules = draw.chance(0.5);
  const apart = new Set<string>();
  const left = hosts.map(limitOf);
  let wanted = draw.of(0.3, 0.6, 0.75, 0.9, 0.95) * hosts.reduce((sum, h) => sum + limitOf(h), 0);
  const domains: Domain[] = [];
  for (let tries = 0; tries < 3_000 && wanted > 0; tries++) {
    const memoryBytes = draw.of(...sizes) * GiB;
    const n = draw.below(hosts.length);
    if ((left[n] ?? 0) < memoryBytes) continue;
    left[n] = (left[n] ?? 0) - memoryBytes;
    wanted -= memoryBytes;
    const policy = hasRules ? makePolicy(draw, n, hosts.length, apart) : {};
    domains.push({ id: `vm${domains.length}`, host: `h${n}`, memoryBytes, policy });
  }
  return domains;
}

function makePolicy(draw: Draw, host: number, hosts: number, apart: Set<string>): Policy {
  switch (draw.below(20)) {
    case 0:
      return { frozen: true };
    case 1:
      return { pin: [...new Set([`h${host}`, `h${draw.below(hosts)}`])] };
    case 2:
    case 3: {
      const keepApart = `apart${draw.below(6)}`;
      const isTaken = apart.has(`${keepApart} ${host}`);
      apart.add(`${keepApart} ${host}`);
      return isTaken ? {} : { keepApart };
    }
    case 4:
      return { keepTogether: `together${draw.below(5)}` };
    default:
      return {};
  }
}

/** Groups of one to twenty that talk among themselves, a little across, and some to the world outside. */
function makeTraffic(draw: Draw, hosts: readonly Host[], domains: readonly Domain[]): Pair[] {
  const [rate, sigma] = [draw.of(1e6, 5e6, 20e6, 80e6), draw.of(0.5, 1.5, 2)];
  const groupMax = draw.of(3, 8, 20);
  const names = domains.map(({ id }) => id);
  const next = () => names.splice(draw.below(names.length), 1)[0] as string;
  const pairs: Pair[] = [];
  const talk = (a: string, b: string, weight: number) => {
    const bitsPerSecond = Math.round(weight * Math.min(5e9, rate * draw.factor(sigma)));
    if (a !== b) pairs.push({ a, b, bitsPerSecond });
  };
  while (names.length > 0) {
    const size = Math.min(names.length, 1 + draw.below(groupMax));
    const group = Array.from({ length: size }, next);
    const shape = draw.of('clique', 'star', 'sparse');
    for (const [i, a] of group.entries())
      for (const b of group.slice(i + 1)) {
        const isTalking =
          shape === 'sparse' ? draw.chance(4 / size) : shape === 'clique' || i === 0;
        if (isTalking) talk(a, b, 1);
      }
  }
  const anybody = () => draw.of(...domains).id;
  for (let n = 0; n < 0.15 * domains.length; n++) talk(anybody(), anybody(), 0.2);
  for (let n = 0; n < 0.2 * domains.length; n++) talk(anybody(), 'external', 1);
  return withinUplinks(hosts, domains, pairs);
}

/** Lowers what crosses an uplink that would be busier than that, until none is. */
function withinUplinks(
  hosts: readonly Host[],
  domains: readonly Domain[],
  pairs: readonly Pair[],
): Pair[] {
  const hostOf = new Map(domains.map(({ id, host }) => [id, host]));
  let fitting = [...pairs];
  for (;;) {
    const sent = new Map<string, number>();
    const ends = ({ a, b }: Pair) => {
      const [one, other] = [hostOf.get(a), hostOf.get(b)];
      return one === other ? [] : [one, other].flatMap((host) => host ?? []);
    };
    for (const pair of fitting)
      for (const host of ends(pair)) sent.set(host, (sent.get(host) ?? 0) + pair.bitsPerSecond);
    const tooMuch = new Map(
      hosts.flatMap(({ id, nicBitsPerSecond }) => {
        const factor = (sent.get(id) ?? 0) / (busiest * nicBitsPerSecond);
        return factor > 1 ? [[id, factor] as const] : [];
      }),
    );
    if (tooMuch.size === 0) return fitting;
    fitting = fitting.map((pair) => {
      const factor = Math.max(1, ...ends(pair).map((host) => tooMuch.get(host) ?? 1));
      return { ...pair, bitsPerSecond: Math.floor(pair.bitsPerSecond / factor) };
    });
  }
}
