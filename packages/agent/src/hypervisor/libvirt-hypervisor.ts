/**
 * `Hypervisor` over libvirt: what runs on this host, and its live migrations. libvirtd may come and go;
 * while it is away nothing is known, and nothing is guessed.
 */

import type {
  DomainId,
  DomainPresence,
  Hypervisor,
  HypervisorEvent,
  HypervisorSample,
  Log,
  MigrationOrder,
  MigrationProgress,
  MigrationResult,
  Policy,
  RefusalOutcome,
  SettlementId,
} from '@barter/core';
import {
  type DomainEvent,
  impact,
  isInvalidState,
  isNotFound,
  LibvirtClient,
  type Reachability,
} from '@barter/libvirt';
import type { MigrationFacts, MigrationPath } from '../migration-path.ts';
import type { DepartureWay } from '../mover/departures.ts';
import { failure, type Result, success } from '../result.ts';
import { checkArrival } from './arrival.ts';
import type { CapacityLimits } from './capacity.ts';
import { type DirtyRateSettings, dirtyRateDefaults } from './dirty-rate.ts';
import { parseDomainXml } from './domain-xml.ts';
import { type KernelPaths, kernelPaths } from './host-load.ts';
import { hypervisorEvent } from './hypervisor-event.ts';
import { type ArrivalDoor, discardLeftover, refuseArrival, resumeLeftover } from './leftovers.ts';
import { MigrationRun } from './migration-run.ts';
import { policyNamespace, policyPrefix, readPolicy, writePolicy } from './policy-xml.ts';
import { inspectDomain, isMigratingOut } from './presence.ts';
import { qemuLogDirectory, wasEndedUnrun } from './qemu-log.ts';
import { RunningWatch } from './running-watch.ts';
import { Sampler } from './sampler.ts';

export type HypervisorOptions = Readonly<{
  /** The driver; default `qemu:///system`. */
  uri?: string;
  limits: CapacityLimits;
  migration: Readonly<{
    /** What one migration may use of the uplink; null = all of it. */
    bandwidthBytesPerSecond: number | null;
    /** How long a guest may stand still at the end. */
    downtimeMaxMs: number;
    /** How often a migration's progress is asked for; default 500. */
    pollMs?: number;
    /** How often libvirt is asked how a migration ended whose end nobody heard; default 1,000. */
    askEveryMs?: number;
  }>;
  /** Over how long the CPU use of domains is smoothed; default 60,000. */
  smoothingMs?: number;
  dirtyRate?: DirtyRateSettings;
  /** Where the kernel's files are; for tests. */
  paths?: KernelPaths;
}>;

export type HypervisorParts = Readonly<{
  /** libvirtd's socket, or virtqemud's. */
  socketPath: string;
  /** How the bytes of a migration get to the target. */
  path: MigrationPath;
  /** How domains arrive here. */
  door: ArrivalDoor;
  /** How domains leave. */
  way: DepartureWay;
  log: Log;
  options: HypervisorOptions;
}>;

const abortMsMax = 10_000;

export class LibvirtHypervisor implements Hypervisor {
  readonly #client: LibvirtClient;
  readonly #parts: HypervisorParts;
  readonly #sampler: Sampler;
  readonly #runs = new Map<DomainId, MigrationRun>();
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  readonly #running = new RunningWatch();
  /** What is being done about copies that migrations left. */
  readonly #tended = new Map<DomainId, Promise<void>>();
  readonly #closing = new AbortController();
  #reachable: boolean | undefined;

  /** Connects, and goes on trying: a libvirtd that is down is no error here, but an event. */
  static async open(parts: HypervisorParts): Promise<LibvirtHypervisor> {
    const hypervisor = new LibvirtHypervisor(parts);
    await hypervisor.#client.start();
    return hypervisor;
  }

  private constructor(parts: HypervisorParts) {
    this.#parts = parts;
    const { options, log } = parts;
    this.#client = new LibvirtClient({
      socketPath: parts.socketPath,
      uri: options.uri ?? 'qemu:///system',
      events: ['lifecycle', 'job-completed', 'metadata-change'],
    });
    this.#sampler = new Sampler(
      this.#client,
      log,
      {
        limits: options.limits,
        smoothingMs: options.smoothingMs ?? 60_000,
        dirtyRate: options.dirtyRate ?? dirtyRateDefaults,
        paths: options.paths ?? kernelPaths,
      },
      (uuid) => this.#runs.has(uuid as DomainId),
    );
    this.#client.onEvent((event) => this.#noticed(event));
    this.#client.onReachable((state) => this.#reachabilityChanged(state));
  }

  /** Whether libvirtd answers at present. */
  get isReachable(): boolean {
    return this.#client.isReachable;
  }

  async sample(): Promise<HypervisorSample> {
    const sample = await this.#sampler.sample();
    for (const { domain, state } of sample.domains)
      if (state === 'running') this.#running.saw(domain);
    return sample;
  }

  /** A listener that comes late is told at once when libvirt is away. */
  onEvent(listener: (event: HypervisorEvent) => void): void {
    this.#listeners.add(listener);
    if (this.#reachable === false) listener({ kind: 'reachable', reachable: false });
  }

  inspect(domain: DomainId): Promise<DomainPresence> {
    return inspectDomain(this.#client.domains, domain, this.#parts.way.isHeld);
  }

  async migrate(
    order: MigrationOrder,
    onProgress: (progress: MigrationProgress) => void,
  ): Promise<MigrationResult> {
    const { domain } = order;
    if (this.#runs.has(domain)) {
      const detail = `A migration of domain ${domain} is under way already.`;
      return { outcome: 'stayed', code: 'busy', detail };
    }
    const { path, way, log, options } = this.#parts;
    const settings = { pollMs: 500, askEveryMs: 1_000, ...options.migration };
    const { signal } = this.#closing;
    const world = { client: this.#client, path, way, log, settings, signal };
    const run = new MigrationRun(world, order, onProgress);
    this.#runs.set(domain, run);
    try {
      const result = await run.run();
      if (result.outcome === 'stayed' && result.code === 'blocked') {
        this.#sampler.blockers.refused(domain, result.detail);
      }
      return result;
    } catch (error) {
      // A bug of ours or of the path's. What became of the domain is not known.
      const detail = error instanceof Error ? error.message : String(error);
      log.log('error', 'migration-bug', detail, { domain, error });
      return { outcome: 'unknown', detail };
    } finally {
      this.#runs.delete(domain);
    }
  }

  async abortMigration(domain: DomainId): Promise<void> {
    const run = this.#runs.get(domain);
    if (run !== undefined) {
      await run.abort('aborted', 'An operator or the agent aborted the migration.');
      return;
    }
    // One that an earlier run of this agent began, or an administrator: only ever a migration.
    const { domains } = this.#client;
    try {
      const reference = await domains.lookupByUuid(domain);
      const job = await domains.jobStatistics(reference, 0, { timeoutMs: abortMsMax });
      if (isMigratingOut(job)) await domains.abortJob(reference, { timeoutMs: abortMsMax });
    } catch (error) {
      if (isNotFound(error) || isInvalidState(error)) return;
      const detail = error instanceof Error ? error.message : String(error);
      this.#parts.log.log('warn', 'abort-failed', detail, { domain });
    }
  }

  resume(domain: DomainId): Promise<void> {
    return this.#tend(domain, () => resumeLeftover(this.#client.domains, this.#parts.way, domain));
  }

  discard(domain: DomainId): Promise<void> {
    const { way, log } = this.#parts;
    const onUndefine = (name: string, definition: string) =>
      log.log(
        'info',
        'definition-removed',
        `${name} runs elsewhere: its definition here is taken away.`,
        { domain, definition },
      );
    return this.#tend(domain, () => discardLeftover(this.#client.domains, way, domain, onUndefine));
  }

  refuseArrival(settlement: SettlementId, domain: DomainId): Promise<RefusalOutcome> {
    const { domains } = this.#client;
    return refuseArrival(domains, this.#parts.door, settlement, domain, {
      notSeenRunning: (uuid, sinceMs) => this.#running.notSeenSince(uuid, sinceMs),
      wasSeenRunning: (uuid, sinceMs) => this.#running.seenSince(uuid, sinceMs),
      wasEndedUnrun: (copy) => wasEndedUnrun(qemuLogDirectory, copy),
    });
  }

  /** The target's checks before a domain may arrive. Errors: `check-failed`, `unreachable`. */
  checkArrival(facts: MigrationFacts): Promise<Result<null>> {
    const { options } = this.#parts;
    const { memoryOvercommit } = options.limits;
    const paths = options.paths ?? kernelPaths;
    return checkArrival({ client: this.#client, paths, memoryOvercommit }, facts);
  }

  /** A domain's placement policy. Errors: `gone`, `bad-policy`, `bad-definition`, `libvirt`. */
  async policy(domain: DomainId): Promise<Result<Policy>> {
    try {
      const reference = await this.#client.domains.lookupByUuid(domain);
      const parsed = parseDomainXml(await this.#client.domains.xml(reference));
      return parsed.ok ? readPolicy(parsed.value.metadata) : parsed;
    } catch (error) {
      return libvirtFailure(domain, error);
    }
  }

  /** Replaces a domain's placement policy, for now and for its next boot. Errors: `gone`, `libvirt`. */
  async setPolicy(domain: DomainId, policy: Policy): Promise<Result<null>> {
    const { domains } = this.#client;
    const element = writePolicy(policy);
    try {
      const reference = await domains.lookupByUuid(domain);
      const persistent = await domains.isPersistent(reference);
      const live = reference.id === -1 ? 0 : impact.live;
      const flags = live | (persistent ? impact.config : 0);
      await domains
        .setMetadata(reference, policyNamespace, policyPrefix, element, flags)
        .catch((error: unknown) => {
          // Taking away what is not there.
          if (element !== null || !isNotFound(error)) throw error;
        });
      return success(null);
    } catch (error) {
      return libvirtFailure(domain, error);
    }
  }

  /** Migrations under way go on without us; their callers are told that the end is unknown. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client.close();
  }

  /** One at a time for each domain: libvirt may let a call wait for half a minute, and we are told again each second. */
  #tend(domain: DomainId, work: () => Promise<void>): Promise<void> {
    const known = this.#tended.get(domain);
    if (known !== undefined) return known;
    const tended = work().finally(() => this.#tended.delete(domain));
    this.#tended.set(domain, tended);
    return tended;
  }

  #noticed(event: DomainEvent): void {
    this.#running.notice(event);
    for (const run of this.#runs.values()) run.notice(event);
    const translated = hypervisorEvent(event);
    if (translated !== null) this.#tell(translated);
  }

  #reachabilityChanged(state: Reachability): void {
    this.#reachable = state.reachable;
    if (state.reachable) this.#parts.log.log('info', 'libvirt-reachable', 'libvirt answers.');
    else this.#parts.log.log('warn', 'libvirt-unreachable', state.reason.message);
    this.#tell({ kind: 'reachable', reachable: state.reachable });
  }

  #tell(event: HypervisorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function libvirtFailure(domain: DomainId, error: unknown): Result<never> {
  if (isNotFound(error)) return failure('gone', `No domain ${domain} is known here.`);
  const detail = error instanceof Error ? error.message : String(error);
  return failure('libvirt', `libvirt could not be asked about domain ${domain}: ${detail}.`);
}
