/**
 * Who talks to whom, in the shapes that the benchmark tries: tenants of truncated Pareto size whose domains
 * talk as `cluster.ts` draws it (`tenants`), or as a clique, a star, a ring or three tiers; one hidden
 * partition with a known optimum; and traffic between all pairs alike, where there is nothing to gain.
 */

import type { World, WorldRate } from '../../packages/core/src/model/cost.ts';
import type { DomainId } from '../../packages/core/src/model/model.ts';
import { normal, paretoSize, seededRandom, shuffle } from './cluster.ts';

export const TRAFFIC_SHAPES = [
  'tenants',
  'clique',
  'star',
  'ring',
  'three-tier',
  'hidden',
  'all-to-all',
] as const;
export type TrafficShape = (typeof TRAFFIC_SHAPES)[number];

type Pairs = readonly (readonly [number, number])[];

/** The same hosts and domains with another traffic; `tenants` is what the world came with. */
export function withTraffic(world: World, shape: TrafficShape, seed: number): World {
  if (shape === 'tenants') return world;
  const random = seededRandom(seed + 7_919);
  const names = shuffle(
    world.domains.map(({ domain }) => domain),
    random,
  );
  const rates: WorldRate[] = [];
  const talk = (one: number, other: number, bitsPerSecond: number): void => {
    const [a, b] = [names[one], names[other]] as [DomainId, DomainId];
    if (one !== other) rates.push({ a, b, bitsPerSecond });
  };
  const drawn = () => 1e6 * Math.exp(2 * normal(random));
  if (shape === 'all-to-all') {
    for (const [one, other] of clique(names.length)) talk(one, other, 1e6);
    return { ...world, rates };
  }
  // What fits on one host at this fill: every group of the hidden partition has a host of its own.
  const perHost = Math.floor(names.length / world.hosts.length);
  for (let start = 0; start < names.length; ) {
    const size = shape === 'hidden' ? perHost : paretoSize(random);
    for (const [one, other] of pairsOf(shape, Math.min(size, names.length - start)))
      talk(start + one, start + other, shape === 'hidden' ? 2e7 : drawn());
    start += size;
  }
  for (let n = 0; n < (0.3 * names.length) / 2; n++) {
    const [one, other] = [random(), random()].map((x) => Math.floor(x * names.length));
    talk(one ?? 0, other ?? 0, shape === 'hidden' ? 1e6 : drawn());
  }
  return { ...world, rates };
}

function pairsOf(shape: TrafficShape, size: number): Pairs {
  const all = Array.from({ length: size }, (_, n) => n);
  switch (shape) {
    case 'star':
      return all.slice(1).map((n) => [0, n]);
    case 'ring':
      return size === 2 ? [[0, 1]] : all.map((n) => [n, (n + 1) % size]);
    case 'three-tier': {
      // Each of the front talks to all of the middle, and these to all of the back.
      const tier = (n: number) => (size < 3 ? n : Math.floor((3 * n) / size));
      return clique(size).filter(([a, b]) => tier(b) - tier(a) === 1);
    }
    default:
      return clique(size);
  }
}

function clique(size: number): Pairs {
  const pairs: [number, number][] = [];
  for (let a = 0; a < size; a++) for (let b = a + 1; b < size; b++) pairs.push([a, b]);
  return pairs;
}
