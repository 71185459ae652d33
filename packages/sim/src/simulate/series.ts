/**
 * Records a simulated cluster over time in a bounded number of evenly spaced points: when there are too
 * many, every second one is dropped and the distance doubles.
 */

import type { World } from '../world/world.ts';
import type { SeriesPoint } from './result.ts';

const firstEveryMs = 10_000;

export class Series {
  readonly #world: World;
  readonly #pointsMax: number;
  #points: SeriesPoint[] = [];
  #everyMs = firstEveryMs;
  #nextAtMs = 0;

  constructor(world: World) {
    this.#world = world;
    // Six points or more a host whatever the size of the cluster, and a document that can be read.
    this.#pointsMax = Math.max(60, Math.min(1_200, Math.floor(100_000 / world.hosts.length)));
  }

  /** When the next point is due. */
  get nextAtMs(): number {
    return this.#nextAtMs;
  }

  /** Takes a point when one is due. */
  note(): void {
    if (this.#world.nowMs() < this.#nextAtMs) return;
    this.#points.push(pointOf(this.#world));
    if (this.#points.length > this.#pointsMax) {
      this.#points = this.#points.filter((_, index) => index % 2 === 0);
      this.#everyMs *= 2;
    }
    this.#nextAtMs = (Math.floor(this.#world.nowMs() / this.#everyMs) + 1) * this.#everyMs;
  }

  /** The points until `endMs`, after which nothing has changed any more, and the one at `endMs`. */
  until(endMs: number): readonly SeriesPoint[] {
    const points = this.#points.filter(({ atSeconds }) => atSeconds * 1000 < endMs);
    return [...points, { ...pointOf(this.#world), atSeconds: endMs / 1000 }];
  }
}

function pointOf(world: World): SeriesPoint {
  const hosts: Record<string, { nicBitsPerSecond: number; cpu: number }> = {};
  for (const { id } of world.hosts) {
    const { nicBitsPerSecond, cpu } = world.load(id);
    hosts[id] = { nicBitsPerSecond, cpu };
  }
  return { atSeconds: world.nowMs() / 1000, cost: world.networkCost(), hosts };
}
