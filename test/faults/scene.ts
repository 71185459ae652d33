/**
 * One run's cluster with everything that watches it: injectors decide what goes wrong, checkers see every effect
 * and everything that happens in the world, and nobody touches the agents but through faults.
 */

import type { HostEffect, HostId, JournalRecord, Message } from '@barter/core';
import { SimCluster, type SimHost, SimRandom, type World, type WorldEvent } from '@barter/sim';
import { describeEffect, describeEvent } from './describe.ts';
import { Facts } from './facts.ts';
import { type Plan, streams } from './plan.ts';
import { Records } from './records.ts';
import { Trace } from './trace.ts';

export type Checker = Readonly<{
  name: string;
  /** About to be performed for certain. A `persist` is not durable yet. */
  onEffect?(host: HostId, effect: HostEffect): void;
  onPersisted?(host: HostId, records: readonly JournalRecord[]): void;
  /** A message has arrived at an agent, which has not acted on it yet. */
  onHeard?(host: HostId, from: HostId, message: Message): void;
  onWorld?(event: WorldEvent): void;
  /** Every simulated second. */
  look?(): void;
  /** When everything has ended. */
  end?(): void;
}>;

export type Injector = Readonly<{
  /** Every simulated second, until the faults stop. */
  tick(): void;
  /** No more faults, and what is broken is repaired. */
  stop(): void;
}>;

/** Messages that only say where things are and how loaded: most of the traffic, and no promises. */
export const chatter: ReadonlySet<Message['kind']> = new Set([
  'summary',
  'announce',
  'seek',
  'found',
  'nearby',
  'near',
  'heard',
]);

/** What becomes of an effect: `performed`, `lost` with its agent, or tried on a disk that `fails`. */
export type Fate = 'performed' | 'lost' | 'fails';

export class Scene {
  readonly plan: Plan;
  readonly cluster: SimCluster;
  readonly world: World;
  readonly trace: Trace;
  readonly facts = new Facts();
  readonly checkers: Checker[] = [];
  /** Asked about every effect before it is performed. */
  decideFate: (host: SimHost, effect: HostEffect) => Fate = () => 'performed';
  /** Ends an agent and starts it again later. */
  crash: (host: SimHost) => void = () => {};
  readonly #records = new Map<HostId, Records>();
  #born = false;

  constructor(plan: Plan) {
    this.plan = plan;
    const roundTrips = this.random(streams.roundTrips);
    const { network, roundTripMsMax } = plan.faults;
    let nowMs = () => 0;
    this.trace = new Trace(() => nowMs());
    this.cluster = new SimCluster(plan.cluster, {
      ...plan.options,
      network,
      roundTripMs: () =>
        this.facts.faultsEndedAtMs === undefined ? 1 + roundTrips.next() * roundTripMsMax : 4,
      onEffect: (host, _atMs, effect) => this.#take(host, effect),
    });
    this.cluster.network.onArrival = (from, to, message) => {
      for (const checker of this.checkers) checker.onHeard?.(to, from, message);
    };
    this.world = this.cluster.world;
    nowMs = () => this.world.nowMs();
    this.#born = true;
    this.world.onEvent((event) => {
      const line = describeEvent(event);
      if (line !== undefined) this.trace.add(line);
      for (const checker of this.checkers) checker.onWorld?.(event);
    });
  }

  get hosts(): readonly SimHost[] {
    return this.cluster.hosts;
  }

  random(stream: number): SimRandom {
    return new SimRandom(this.plan.seed, stream);
  }

  records(host: HostId): Records {
    let records = this.#records.get(host);
    if (records === undefined) {
      records = new Records();
      this.#records.set(host, records);
    }
    return records;
  }

  /** Takes down a fault in the trace, and counts it. */
  fault(kind: string, text: string): void {
    this.facts.count(kind);
    this.trace.add(`! ${text}`);
  }

  isAlive(host: HostId): boolean {
    return !this.facts.vanished.has(host);
  }

  runsAt(host: HostId, id: string): boolean {
    return [...this.world.host(host).running].some((domain) => domain.id === id);
  }

  /**
   * Whether nobody but an operator ends a copy that came and waits: its source is gone for ever, or the domain runs on a third
   * host, where an administrator has brought it, or nowhere, because one has shut it down: then the copy may be all there is.
   */
  waitsForOperator(source: HostId, target: HostId, id: string): boolean {
    if (!this.isAlive(source) || this.facts.nowhere.has(id)) return true;
    const domain = this.world.domain(id);
    if (domain === undefined) return false;
    return this.world.hostsRunning(domain).some((host) => host.id !== source && host.id !== target);
  }

  /** Until when the migration of a domain gets on by itself; undefined when none is under way. Over a full uplink that is long. */
  getsOnUntilMs(id: string): number | undefined {
    const migration = this.world.domain(id)?.migration;
    if (migration === undefined) return undefined;
    return Math.min(migration.stuckAtMs, migration.startedAtMs + migration.course.durationMs);
  }

  /** What the domains and arrivals on a host take of its memory now, paused copies included. */
  memoryUsed(host: HostId): number {
    const { running, arriving, paused } = this.world.host(host);
    let bytes = 0;
    for (const domain of new Set([...running, ...arriving, ...paused])) bytes += domain.memoryBytes;
    return bytes;
  }

  #take(host: HostId, effect: HostEffect): void {
    // What agents do while the cluster is being put together is not disturbed.
    if (this.#born) {
      const agent = this.cluster.host(host);
      const fate = this.decideFate(agent, effect);
      if (fate === 'lost') agent.crash();
      if (fate !== 'performed') return;
      const line = describeEffect(host, effect);
      if (line !== undefined) this.trace.add(line);
      for (const checker of this.checkers) checker.onEffect?.(host, effect);
    }
    if (effect.kind !== 'persist') return;
    this.records(host).apply(effect.records);
    for (const checker of this.checkers) checker.onPersisted?.(host, effect.records);
  }
}
