/**
 * A placement that algorithms may change: who runs where, what room is left, and what it costs. All rivals
 * work on this one, with full and fresh knowledge, and on the network cost alone:
 *
 *   cost = Σ pairs  rate · distance of their hosts     (bit/s)
 *
 * Domains and hosts are numbers here, in the order of the world. Memory and vCPU limits are hard.
 */

import type { World } from '../../../packages/core/src/model/cost.ts';
import { distance } from '../../../packages/core/src/model/distance.ts';

/** One domain goes to another host. */
export type Move = Readonly<{ domain: number; from: number; to: number }>;

/** What happens at once: one move, or the two of a swap. */
export type Step = readonly Move[];

/** Partner and rate in bit/s. */
export type Neighbour = readonly [domain: number, bitsPerSecond: number];

export class Placement {
  readonly hosts: number;
  readonly domains: number;
  readonly bytes: readonly number[];
  readonly vcpus: readonly number[];
  /** Pairs that are listed twice are added up. */
  readonly neighbours: readonly (readonly Neighbour[])[];
  readonly steps: Step[] = [];
  readonly #at: number[];
  readonly #room: number[];
  readonly #vcpuRoom: number[];
  readonly #on: readonly Set<number>[];
  readonly #distance: readonly (readonly number[])[];

  constructor(world: World, table: readonly number[]) {
    this.hosts = world.hosts.length;
    this.domains = world.domains.length;
    this.bytes = world.domains.map(({ traits }) => traits.memoryBytes);
    this.vcpus = world.domains.map(({ traits }) => traits.vcpus);
    const hostIndex = new Map(world.hosts.map(({ host }, index) => [host, index]));
    this.#at = world.domains.map(({ holder }) => hostIndex.get(holder) ?? -1);
    this.#room = world.hosts.map((host) => host.capacity.memoryLimitBytes - host.memoryBytes);
    this.#vcpuRoom = world.hosts.map((host) => host.capacity.vcpuLimit);
    this.#on = world.hosts.map(() => new Set<number>());
    this.#at.forEach((host, domain) => {
      this.#put(domain, host);
    });
    this.#distance = world.hosts.map((a) => world.hosts.map((b) => distance(table, a, b)));
    this.neighbours = neighboursOf(world);
  }

  at(domain: number): number {
    return this.#at[domain] ?? -1;
  }

  on(host: number): ReadonlySet<number> {
    return this.#on[host] ?? new Set();
  }

  distance(a: number, b: number): number {
    return this.#distance[a]?.[b] ?? 0;
  }

  /** What the domain's traffic costs with the domain on this host and everybody else where they are. */
  costAt(domain: number, host: number): number {
    const row = this.#distance[host] ?? [];
    let sum = 0;
    for (const [partner, rate] of this.neighbours[domain] ?? [])
      sum += rate * (row[this.#at[partner] ?? 0] ?? 0);
    return sum;
  }

  cost(): number {
    let twice = 0;
    for (let domain = 0; domain < this.domains; domain++)
      twice += this.costAt(domain, this.at(domain));
    return twice / 2;
  }

  /** By how much the cost falls when the domain moves there. */
  moveGain(domain: number, to: number): number {
    return this.costAt(domain, this.at(domain)) - this.costAt(domain, to);
  }

  /** By how much the cost falls when the two change places: their own traffic stays as far as it was. */
  swapGain(one: number, other: number): number {
    const [a, b] = [this.at(one), this.at(other)];
    const row = this.neighbours[one] ?? [];
    const between = row.find(([partner]) => partner === other)?.[1] ?? 0;
    return this.moveGain(one, b) + this.moveGain(other, a) - 2 * between * this.distance(a, b);
  }

  fits(domain: number, host: number): boolean {
    return (
      (this.#room[host] ?? 0) >= (this.bytes[domain] ?? 0) &&
      (this.#vcpuRoom[host] ?? 0) >= (this.vcpus[domain] ?? 0)
    );
  }

  /** Whether no more is there than has room. */
  holds(host: number): boolean {
    return (this.#room[host] ?? 0) >= 0 && (this.#vcpuRoom[host] ?? 0) >= 0;
  }

  /** Whether both fit once both have left. Room for the time between is left to whoever carries it out. */
  swapFits(one: number, other: number): boolean {
    const [a, b] = [this.at(one), this.at(other)];
    const bytes = (this.bytes[one] ?? 0) - (this.bytes[other] ?? 0);
    const vcpus = (this.vcpus[one] ?? 0) - (this.vcpus[other] ?? 0);
    return (
      (this.#room[b] ?? 0) >= bytes &&
      (this.#room[a] ?? 0) >= -bytes &&
      (this.#vcpuRoom[b] ?? 0) >= vcpus &&
      (this.#vcpuRoom[a] ?? 0) >= -vcpus
    );
  }

  move(domain: number, to: number): void {
    this.#carryOut([{ domain, from: this.at(domain), to }]);
  }

  swap(one: number, other: number): void {
    const [a, b] = [this.at(one), this.at(other)];
    this.#carryOut([
      { domain: one, from: a, to: b },
      { domain: other, from: b, to: a },
    ]);
  }

  #carryOut(step: Step): void {
    for (const { domain, from } of step) {
      this.#on[from]?.delete(domain);
      this.#room[from] = (this.#room[from] ?? 0) + (this.bytes[domain] ?? 0);
      this.#vcpuRoom[from] = (this.#vcpuRoom[from] ?? 0) + (this.vcpus[domain] ?? 0);
    }
    for (const { domain, to } of step) this.#put(domain, to);
    this.steps.push(step);
  }

  #put(domain: number, host: number): void {
    this.#at[domain] = host;
    this.#on[host]?.add(domain);
    this.#room[host] = (this.#room[host] ?? 0) - (this.bytes[domain] ?? 0);
    this.#vcpuRoom[host] = (this.#vcpuRoom[host] ?? 0) - (this.vcpus[domain] ?? 0);
  }
}

function neighboursOf(world: World): readonly (readonly Neighbour[])[] {
  const index = new Map<string, number>(world.domains.map(({ domain }, n) => [domain, n]));
  const rows = world.domains.map(() => new Map<number, number>());
  for (const { a, b, bitsPerSecond } of world.rates) {
    const [one, other] = [index.get(a), index.get(b)];
    if (one === undefined || other === undefined) continue;
    rows[one]?.set(other, (rows[one]?.get(other) ?? 0) + bitsPerSecond);
    rows[other]?.set(one, (rows[other]?.get(one) ?? 0) + bitsPerSecond);
  }
  return rows.map((row) => [...row]);
}
