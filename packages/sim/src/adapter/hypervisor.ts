/**
 * The `Hypervisor` port on one host of a simulated world. It tells and does only what the real one
 * on that host could: an agent learns nothing about other hosts from it.
 */

import type {
  DomainId,
  DomainPresence,
  HostId,
  Hypervisor,
  HypervisorEvent,
  HypervisorSample,
  MigrationOrder,
  MigrationProgress,
  MigrationResult,
  RefusalOutcome,
  SettlementId,
} from '@barter/core';
import type { World } from '../world/world.ts';
import type { WorldEvent } from '../world/world-event.ts';

export type SimHypervisorOptions = Readonly<{
  /** The world's name for a host that an order names by its peer id. */
  hostOf?: (target: HostId) => string | undefined;
  progressEveryMs?: number;
}>;

export class SimHypervisor implements Hypervisor {
  readonly #world: World;
  readonly #host: HostId;
  readonly #hostOf: (target: HostId) => string | undefined;
  readonly #progressEveryMs: number;
  readonly #listeners: ((event: HypervisorEvent) => void)[] = [];
  #closed = false;

  constructor(world: World, host: string, options: SimHypervisorOptions = {}) {
    this.#world = world;
    this.#host = world.host(host).id;
    this.#hostOf = options.hostOf ?? ((target) => target);
    this.#progressEveryMs = options.progressEveryMs ?? 1000;
    world.onEvent((event) => {
      const seen = this.#closed ? undefined : seenBy(this.#host, event);
      if (seen !== undefined) for (const listener of this.#listeners) listener(seen);
    });
  }

  async sample(): Promise<HypervisorSample> {
    this.#mustReach();
    return this.#world.sample(this.#host);
  }

  onEvent(listener: (event: HypervisorEvent) => void): void {
    this.#listeners.push(listener);
  }

  migrate(
    order: MigrationOrder,
    onProgress: (progress: MigrationProgress) => void,
  ): Promise<MigrationResult> {
    const target = this.#hostOf(order.target);
    if (target === undefined) {
      const detail = `The host ${order.target} is not known here.`;
      return Promise.resolve({ outcome: 'stayed', code: 'no-target', detail });
    }
    return new Promise((resolve) => {
      let ended = false;
      this.#world.migrate(
        { ...order, source: this.#host, target: target as HostId },
        (result: MigrationResult) => {
          ended = true;
          resolve(result);
        },
      );
      const report = () => {
        if (ended || this.#closed) return;
        const progress = this.#world.progress(order.domain);
        if (progress === undefined || progress.settlement !== order.settlement) return;
        onProgress(progress);
        this.#world.at(this.#world.nowMs() + this.#progressEveryMs, report);
      };
      report();
    });
  }

  async abortMigration(domain: DomainId): Promise<void> {
    this.#world.abortMigration(this.#host, domain);
  }

  async inspect(domain: DomainId): Promise<DomainPresence> {
    this.#mustReach();
    return this.#world.presence(this.#host, domain);
  }

  async resume(domain: DomainId): Promise<void> {
    this.#mustReach();
    this.#world.resume(this.#host, domain);
  }

  async discard(domain: DomainId): Promise<void> {
    this.#mustReach();
    this.#world.discard(this.#host, domain);
  }

  async refuseArrival(settlement: SettlementId, domain: DomainId): Promise<RefusalOutcome> {
    this.#mustReach();
    return this.#world.refuseArrival(this.#host, settlement, domain);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #mustReach(): void {
    if (this.#closed) throw new Error('The simulated hypervisor is closed.');
    if (!this.#world.host(this.#host).reachable) {
      throw new Error(`Libvirt on ${this.#host} does not answer.`);
    }
  }
}

/** The part of what happens in the world that this host's hypervisor reports. */
export function seenBy(host: HostId, event: WorldEvent): HypervisorEvent | undefined {
  switch (event.kind) {
    case 'started':
    case 'redefined':
      return event.host === host
        ? { kind: event.kind, domain: event.domain as DomainId }
        : undefined;
    case 'stopped':
      return event.host === host
        ? { kind: 'stopped', domain: event.domain as DomainId, migrated: event.migrated }
        : undefined;
    case 'reachable':
      return event.host === host ? { kind: 'reachable', reachable: event.reachable } : undefined;
    default:
      return undefined;
  }
}
