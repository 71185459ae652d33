/**
 * A whole cluster in one process: every host runs packages/core unchanged on a simulated world,
 * network, journal and clock. One queue of events, one seed: the same seed gives the same bytes.
 *
 * Hosts learn of each other only by messages. What this class tells is for whoever watches from outside.
 */

import type {
  DealId,
  DomainId,
  HostEffect,
  HostId,
  HostTiming,
  Mode,
  PresetName,
  PresetSettings,
} from '@barter/core';
import { type NetworkOptions, SimNetwork } from '../adapter/network.ts';
import { SimRandom } from '../random.ts';
import type { Cluster } from '../world/cluster-model.ts';
import type { WorldOptions } from '../world/make-world.ts';
import { World } from '../world/world.ts';
import { hostConfig } from './host-config.ts';
import { SimHost } from './sim-host.ts';

export type SimClusterOptions = Readonly<{
  seed?: number;
  preset?: PresetName;
  mode?: Mode;
  cost?: Partial<PresetSettings>;
  timing?: Partial<HostTiming>;
  network?: NetworkOptions;
  world?: WorldOptions;
  migrationsAtOnce?: number;
  sampleEveryMs?: number;
  smoothingSeconds?: number;
  /** How long the next question of a host to another one and its answer take. */
  roundTripMs?: () => number;
  /** Every effect of every host, in order, just before it is performed; a host may be crashed here. */
  onEffect?: (host: HostId, atMs: number, effect: HostEffect) => void;
}>;

/** A deal that its proposer has decided. */
export type SimDeal = Readonly<{
  atMs: number;
  deal: DealId;
  proposer: HostId;
  responder: HostId;
  give: readonly DomainId[];
  take: readonly DomainId[];
  gainBitsPerSecond: number;
}>;

/** A live migration that happened. */
export type SimMove = Readonly<{
  domain: DomainId;
  from: HostId;
  to: HostId;
  startedAtMs: number;
  atMs: number;
  bytes: number;
}>;

/** Streams of randomness: one for the network, the rest for the hosts in order. */
const networkStream = 0;

export class SimCluster {
  readonly world: World;
  readonly network: SimNetwork;
  readonly hosts: readonly SimHost[];
  readonly deals: SimDeal[] = [];
  readonly moves: SimMove[] = [];
  /** Migrations that were begun and did not move their domain. */
  failedMoves = 0;
  readonly #hostById = new Map<HostId, SimHost>();

  constructor(cluster: Cluster, options: SimClusterOptions = {}) {
    const seed = options.seed ?? 1;
    this.world = new World(cluster, options.world);
    this.network = new SimNetwork(this.world, new SimRandom(seed, networkStream), options.network);
    const { timing = {}, cost = {}, migrationsAtOnce = 1 } = options;
    const settings = { preset: options.preset ?? 'default', cost, timing, migrationsAtOnce };
    this.hosts = cluster.hosts.map(
      (host, index) =>
        new SimHost(hostConfig(host.id, host.location, cluster.distance, settings), {
          world: this.world,
          network: this.network,
          random: new SimRandom(seed, index + 1),
          sampleEveryMs: options.sampleEveryMs ?? 5_000,
          tickEveryMs: 1_000,
          smoothingSeconds: options.smoothingSeconds ?? 60,
          mode: options.mode ?? 'auto',
          roundTripMs: options.roundTripMs ?? (() => 4),
          agentOf: (id) => this.#hostById.get(id),
          onEffect: (from, effect) => {
            options.onEffect?.(from.id, this.world.nowMs(), effect);
            if (effect.kind === 'persist') this.#note(from.id, effect);
          },
        }),
    );
    for (const host of this.hosts) this.#hostById.set(host.id, host);
    this.#watchWorld();
    for (const host of this.hosts) host.start();
  }

  host(id: string): SimHost {
    const host = this.#hostById.get(id as HostId);
    if (host === undefined) throw new Error(`invariant: there is no simulated host "${id}"`);
    return host;
  }

  /** Lets the cluster live until this simulated time. */
  runUntil(atMs: number): void {
    this.world.advanceTo(atMs);
  }

  /**
   * Lets the cluster live until `condition` holds, looking every simulated second, or until `limitMs`.
   * Says whether it holds.
   */
  runWhile(condition: () => boolean, limitMs: number): boolean {
    while (condition()) {
      if (this.world.nowMs() >= limitMs) return false;
      this.runUntil(Math.min(limitMs, this.world.nowMs() + 1000));
    }
    return true;
  }

  /** Whether nothing is being traded, held away from home, reserved or moved anywhere. */
  get settled(): boolean {
    return this.hosts.every(({ state }) => {
      if (state === undefined) return true;
      if (state.holdings.size > 0 || state.reservations.size > 0) return false;
      for (const deal of state.deals.values()) if (deal.endedAtMs === null) return false;
      for (const { phase } of state.settlements.values()) {
        if (phase === 'migrating' || phase === 'resolving') return false;
      }
      return true;
    });
  }

  /** When something last changed: a deal was committed or a domain moved. */
  get lastChangeAtMs(): number {
    return Math.max(0, this.deals.at(-1)?.atMs ?? 0, this.moves.at(-1)?.atMs ?? 0);
  }

  /** Takes down the record of what hosts decide from what they make durable. */
  #note(proposer: HostId, effect: HostEffect & { kind: 'persist' }): void {
    for (const record of effect.records) {
      if (record.kind !== 'receipt') continue;
      const receipt = record.value;
      if (receipt.kind !== 'deal' || receipt.role !== 'proposer') continue;
      if (receipt.phase !== 'committed') continue;
      const { deal, peer: responder, give, take, gainBitsPerSecond } = receipt;
      const atMs = this.world.nowMs();
      this.deals.push({ atMs, deal, proposer, responder, give, take, gainBitsPerSecond });
    }
  }

  #watchWorld(): void {
    const startedAtMs = new Map<string, number>();
    this.world.onEvent((event) => {
      switch (event.kind) {
        case 'started':
        case 'stopped':
        case 'redefined':
        case 'reachable':
          this.#hostById.get(event.host)?.sampleSoon();
          return;
        case 'traffic-changed':
          for (const host of this.hosts) host.stir();
          return;
        case 'migration-started':
          startedAtMs.set(event.domain, event.atMs);
          return;
        case 'migration-ended':
          if (!event.moved) {
            this.failedMoves++;
            return;
          }
          this.moves.push({
            domain: event.domain as DomainId,
            from: event.host,
            to: event.target,
            startedAtMs: startedAtMs.get(event.domain) ?? event.atMs,
            atMs: event.atMs,
            bytes: event.bytes,
          });
      }
    });
  }
}
