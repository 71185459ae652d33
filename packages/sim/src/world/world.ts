/**
 * A simulated world: hosts, the domains on them, the traffic between them, and live migrations.
 *
 * The rule it keeps: the world is the truth, and it is driven only by explicit time. Nothing happens
 * between two calls of `advanceTo`; the same calls give the same world. Agents reach it through the
 * simulated adapters alone; checkers and views read it directly.
 */

import type {
  DomainPresence,
  HostId,
  HostLoad,
  HypervisorSample,
  MigrationProgress,
  Policy,
  RefusalOutcome,
  SettlementId,
} from '@barter/core';
import { EventQueue } from '../event-queue.ts';
import type { Cluster, ClusterTraffic } from './cluster-model.ts';
import { external } from './cluster-model.ts';
import type { Ground, WorldDomain, WorldHost } from './ground.ts';
import { makeDomains, makeHosts, type WorldOptions } from './make-world.ts';
import { MigrationDesk } from './migration-desk.ts';
import { hostLoad, networkCost, Topology } from './topology.ts';
import { TrafficMatrix } from './traffic-matrix.ts';
import type { MigrationDone, MigrationFault, MigrationRequest, WorldEvent } from './world-event.ts';

export class World implements Ground {
  readonly hosts: readonly WorldHost[];
  readonly domains: readonly WorldDomain[];
  readonly traffic: TrafficMatrix;
  readonly topology: Topology;
  #nowMs: number;
  readonly #due = new EventQueue<() => void>();
  readonly #hostById = new Map<string, WorldHost>();
  readonly #domainById = new Map<string, WorldDomain>();
  readonly #domainByAddress = new Map<string, WorldDomain>();
  readonly #listeners: ((event: WorldEvent) => void)[] = [];
  readonly #desk: MigrationDesk;

  constructor(cluster: Cluster, options: WorldOptions = {}, startMs = 0) {
    this.#nowMs = startMs;
    this.hosts = makeHosts(cluster, options);
    for (const host of this.hosts) this.#hostById.set(host.id, host);
    this.domains = makeDomains(cluster);
    for (const [index, domain] of this.domains.entries()) {
      this.#domainById.set(domain.id, domain);
      this.#domainByAddress.set(domain.address, domain);
      this.host(cluster.domains[index]?.host as string).running.add(domain);
    }
    this.topology = new Topology(cluster.distance, this.hosts);
    this.traffic = new TrafficMatrix(this.domains.length);
    this.setTraffic(cluster.traffic);
    for (const entry of cluster.timeline) {
      this.#due.push(startMs + entry.atSeconds * 1000, () => {
        for (const { id, cpu } of entry.domains) this.setCpu(id, cpu);
        this.setTraffic(entry.traffic);
      });
    }
    this.#desk = new MigrationDesk(this, options.downtimeMaxMs ?? 300);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** When the world changes next by itself; undefined when it never does. */
  nextAtMs(): number | undefined {
    return this.#due.nextAtMs;
  }

  /** Lets everything happen that is due until `nowMs`, in order. Time that has passed stays passed. */
  advanceTo(nowMs: number): void {
    for (let atMs = this.#due.nextAtMs; atMs !== undefined && atMs <= nowMs; ) {
      this.#nowMs = Math.max(this.#nowMs, atMs);
      this.#due.pop()?.();
      atMs = this.#due.nextAtMs;
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Runs `action` at its time in the course of `advanceTo`. */
  at(atMs: number, action: () => void): void {
    this.#due.push(Math.max(atMs, this.#nowMs), action);
  }

  onEvent(listener: (event: WorldEvent) => void): void {
    this.#listeners.push(listener);
  }

  emit(event: WorldEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** A host that must exist: the caller's bug when it does not. */
  host(id: string): WorldHost {
    const host = this.#hostById.get(id);
    if (host === undefined) throw new Error(`invariant: there is no simulated host "${id}"`);
    return host;
  }

  hasHost(id: string): boolean {
    return this.#hostById.has(id);
  }

  domain(id: string): WorldDomain | undefined {
    return this.#domainById.get(id);
  }

  domainAt(address: string): WorldDomain | undefined {
    return this.#domainByAddress.get(address);
  }

  /** Every host on which the domain is running: one, unless something went badly wrong. */
  hostsRunning(domain: WorldDomain): readonly WorldHost[] {
    return this.hosts.filter((host) => host.running.has(domain));
  }

  /** What this host's hypervisor shows of itself and of the domains on it. */
  sample(hostId: string): HypervisorSample {
    const host = this.host(hostId);
    host.sample ??= {
      capacity: host.capacity,
      hostCpu: 0,
      hostMemoryBytes: 0,
      domains: [...host.running, ...host.paused].map((domain) => ({
        domain: domain.id,
        traits: {
          name: domain.id,
          memoryBytes: domain.memoryBytes,
          vcpus: domain.vcpus,
          cpu: domain.cpu,
          dirtyBytesPerSecond: domain.dirtyBytesPerSecond,
          policy: domain.policy,
        },
        addresses: [domain.address],
        state: host.running.has(domain) ? ('running' as const) : ('paused' as const),
        ...(domain.blocked === undefined ? {} : { blocked: domain.blocked }),
      })),
    };
    return host.sample;
  }

  presence(hostId: string, domainId: string): DomainPresence {
    const host = this.host(hostId);
    const domain = this.domain(domainId);
    if (domain === undefined) return { state: 'absent', defined: false };
    if (host.running.has(domain)) {
      return { state: domain.migration === undefined ? 'running' : 'migrating-out' };
    }
    if (host.arriving.has(domain)) return { state: 'arriving' };
    if (host.paused.has(domain)) {
      return { state: 'paused', detail: 'left behind by a migration', byMigration: true };
    }
    return { state: 'absent', defined: host.shutOff.has(domain) };
  }

  /** Begins a live migration; `done` is called once, with what the source's hypervisor sees of its end. */
  migrate(request: MigrationRequest, done: MigrationDone): void {
    this.#desk.begin(request, done);
  }

  abortMigration(hostId: string, domainId: string): void {
    this.#desk.abort(hostId, domainId);
  }

  /** A host's agent lets the copy that a migration left paused there run on; harmless when there is none. */
  resume(hostId: string, domainId: string): void {
    const host = this.host(hostId);
    const domain = this.domain(domainId);
    if (domain === undefined || !host.reachable || !host.paused.delete(domain)) return;
    this.emit({ kind: 'resumed', atMs: this.#nowMs, host: host.id, domain: domain.id });
    this.start(domain, host);
  }

  /** A host's agent takes away what a migration left there: paused copy and definition, never one that runs. */
  discard(hostId: string, domainId: string): void {
    const host = this.host(hostId);
    const domain = this.domain(domainId);
    if (domain === undefined || !host.reachable || host.running.has(domain)) return;
    host.shutOff.delete(domain);
    if (host.paused.delete(domain)) this.stop(domain, host, false);
  }

  /** A host's agent ends what arrives there by a settlement. */
  refuseArrival(hostId: string, settlement: SettlementId, domainId: string): RefusalOutcome {
    return this.#desk.refuse(this.host(hostId), settlement, domainId);
  }

  progress(domainId: string): MigrationProgress | undefined {
    const migration = this.domain(domainId)?.migration;
    return migration === undefined ? undefined : this.#desk.progress(migration);
  }

  /** The next migration of `domain` (of any, when undefined) fails in this way. */
  failNext(fault: MigrationFault, domain?: string): void {
    this.#desk.failNext(fault, domain);
  }

  /** Forgets what was to fail and has not failed yet. */
  failNoMore(): void {
    this.#desk.failNoMore();
  }

  /** From now on the listed pairs have the listed rates; a pair listed twice adds up. */
  setTraffic(list: readonly ClusterTraffic[]): void {
    const index = (id: string) => (id === external ? -1 : (this.domain(id)?.index ?? -1));
    const sums = new Map<string, { a: number; b: number; bitsPerSecond: number }>();
    for (const entry of list) {
      const ends = [index(entry.a), index(entry.b)] as const;
      const [a, b] = [Math.max(...ends), Math.min(...ends)];
      const sum = sums.get(`${a}/${b}`) ?? { a, b, bitsPerSecond: 0 };
      sum.bitsPerSecond += entry.bitsPerSecond;
      sums.set(`${a}/${b}`, sum);
    }
    for (const { a, b, bitsPerSecond } of sums.values()) {
      this.traffic.setRate(a, b, bitsPerSecond, this.#nowMs);
    }
    this.emit({ kind: 'traffic-changed', atMs: this.#nowMs });
  }

  /** From now on the domain keeps so many cores busy. */
  setCpu(domainId: string, cpu: number): void {
    const domain = this.domain(domainId);
    if (domain === undefined) return;
    domain.cpu = cpu;
    for (const host of this.hostsRunning(domain)) host.sample = undefined;
  }

  /** Libvirt on a host goes away or comes back. Migrations out of it are cancelled, unseen by the agent. */
  setReachable(hostId: string, reachable: boolean): void {
    const host = this.host(hostId);
    if (host.reachable === reachable) return;
    host.reachable = reachable;
    if (!reachable) this.#desk.loseSight(host);
    this.emit({ kind: 'reachable', atMs: this.#nowMs, host: host.id, reachable });
  }

  /** An administrator changes a domain's definition. */
  redefine(
    domainId: string,
    change: Readonly<{ policy?: Policy; blocked?: string | null; cpu?: number }>,
  ): void {
    const domain = this.domain(domainId);
    if (domain === undefined) return;
    if (change.policy !== undefined) domain.policy = change.policy;
    if (change.blocked !== undefined) domain.blocked = change.blocked ?? undefined;
    if (change.cpu !== undefined) domain.cpu = change.cpu;
    for (const host of this.hostsRunning(domain)) {
      host.sample = undefined;
      this.emit({ kind: 'redefined', atMs: this.#nowMs, host: host.id, domain: domain.id });
    }
  }

  /** An administrator shuts a domain down. */
  shutDown(domainId: string): void {
    const domain = this.domain(domainId);
    if (domain === undefined) return;
    if (domain.migration !== undefined) this.#desk.abort(domain.migration.source.id, domainId);
    for (const host of this.hostsRunning(domain)) {
      host.shutOff.add(domain);
      this.stop(domain, host, false);
    }
  }

  /** An administrator starts a domain, or moves it by hand (stopped there, started here, at once). */
  startOn(domainId: string, hostId: string): void {
    const domain = this.domain(domainId);
    if (domain === undefined) return;
    const target = this.host(hostId);
    if (domain.migration !== undefined) this.#desk.abort(domain.migration.source.id, domainId);
    for (const host of this.hostsRunning(domain)) {
      if (host !== target) this.stop(domain, host, true);
    }
    for (const host of this.hosts) host.shutOff.delete(domain);
    // Libvirt knows one domain of a name: what waits there to be told to run is ended first.
    const waiting = domain.waiting.get(target);
    if (waiting !== undefined) this.#desk.refuse(target, waiting.settlement, domainId);
    if (!target.running.has(domain)) this.start(domain, target);
  }

  start(domain: WorldDomain, host: WorldHost): void {
    host.running.add(domain);
    // A host has one of a name: what ran here before, or was left, gives way.
    host.shutOff.delete(domain);
    host.paused.delete(domain);
    host.sample = undefined;
    this.emit({ kind: 'started', atMs: this.#nowMs, host: host.id, domain: domain.id });
  }

  stop(domain: WorldDomain, host: WorldHost, migrated: boolean): void {
    host.running.delete(domain);
    host.sample = undefined;
    this.emit({ kind: 'stopped', atMs: this.#nowMs, host: host.id, domain: domain.id, migrated });
  }

  /** The true network cost now: Σ bitsPerSecond · distance over pairs of running domains. */
  networkCost(): number {
    return networkCost(this);
  }

  /** What a host carries now. */
  load(hostId: string): HostLoad {
    const host = this.host(hostId);
    const sample = this.sample(hostId);
    const { changes } = this.traffic;
    if (host.load?.sample !== sample || host.load.changes !== changes)
      host.load = { sample, changes, load: hostLoad(this, host) };
    return host.load.load;
  }

  /** What a domain received so far over the network. */
  receivedBytes(domainId: string): number {
    const domain = this.domain(domainId);
    return domain === undefined ? 0 : this.traffic.receivedBytes(domain.index, this.#nowMs);
  }

  /** Which host each running domain is on. */
  placement(): Readonly<Record<string, HostId>> {
    const placement: Record<string, HostId> = {};
    for (const host of this.hosts) {
      for (const domain of host.running) placement[domain.id] = host.id;
    }
    return placement;
  }
}
