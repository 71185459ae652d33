/**
 * One complete measurement of this host, from libvirt and the kernel. What lasts between two measurements
 * (smoothed CPU, dirty rates, libvirt's reasons not to migrate) is kept here.
 */

import type { DomainId, HypervisorSample, Log, Policy } from '@barter/core';
import {
  type DomainReference,
  type DomainStatistics,
  isNotFound,
  isUncertain,
  isUnsupported,
  type LibvirtClient,
  numberOf,
  statisticsFlag,
  statisticsGroup,
  type TypedParameters,
} from '@barter/libvirt';
import { honourAutostart, isMarked } from './autostart.ts';
import { Blockers } from './blockers.ts';
import { type CapacityLimits, hostCapacity } from './capacity.ts';
import { CpuMeter } from './cpu-meter.ts';
import { type DirtyRateSettings, DirtyRates } from './dirty-rate.ts';
import { cpuTimeNs, maximumOf, stateOf } from './domain-statistics.ts';
import { type DomainDefinition, parseDomainXml } from './domain-xml.ts';
import {
  busyCores,
  type CpuTicks,
  type KernelPaths,
  readCpuTicks,
  readHostMemory,
  readUplinkSpeed,
} from './host-load.ts';
import { domainMemoryBytes } from './memory.ts';
import { readPolicy } from './policy-xml.ts';
import { isBusy } from './presence.ts';

export type SamplerSettings = Readonly<{
  limits: CapacityLimits;
  smoothingMs: number;
  dirtyRate: DirtyRateSettings;
  paths: KernelPaths;
}>;

type Sampled = HypervisorSample['domains'][number];
type Known = Readonly<{ xml: string; definition: DomainDefinition | null; problem: string }>;
/** A domain that could be read, and the definition it was read from. */
type Seen = Readonly<{ reference: DomainReference; known: Known; parameters: TypedParameters }>;

/** What the kernel does not say of most virtual interfaces; better too little than too much. */
const uplinkUnknownBitsPerSecond = 1e9;
const groups = statisticsGroup.state | statisticsGroup.cpu | statisticsGroup.balloon;
const extraGroups = statisticsGroup.vcpu | statisticsGroup.dirtyRate;

export class Sampler {
  readonly #client: LibvirtClient;
  readonly #log: Log;
  readonly #settings: SamplerSettings;
  readonly #isMigrating: (uuid: string) => boolean;
  readonly blockers = new Blockers();
  readonly #cpu: CpuMeter;
  readonly #dirty: DirtyRates;
  readonly #known = new Map<string, Known>();
  #ticks: CpuTicks | undefined;
  #groups = groups | extraGroups;
  #saidUplink = false;

  constructor(
    client: LibvirtClient,
    log: Log,
    settings: SamplerSettings,
    isMigrating: (uuid: string) => boolean,
  ) {
    this.#client = client;
    this.#log = log;
    this.#settings = settings;
    this.#isMigrating = isMigrating;
    this.#cpu = new CpuMeter(settings.smoothingMs);
    this.#dirty = new DirtyRates(settings.dirtyRate);
  }

  /** Rejects with a `LibvirtError` when libvirt cannot be asked. */
  async sample(): Promise<HypervisorSample> {
    const nowMs = performance.now();
    const [statistics, node] = await Promise.all([
      this.#statistics(),
      this.#client.host.nodeInformation(),
    ]);
    const seen = (await Promise.all(statistics.map((record) => this.#see(record)))).flatMap(
      (one) => (one === null ? [] : [one]),
    );
    this.#forgetOthers(seen);
    await this.blockers.refresh(
      seen.map(({ reference, known }) => ({ reference, definition: known.xml })),
      nowMs,
      this.#client.domains,
      this.#isMigrating,
    );
    const domains = seen.map((one) => this.#domain(one, nowMs));
    await this.#renewDirtyRates(seen, nowMs);
    await this.#honourArrivals(seen);
    const { memory, hostCpu, nic } = await this.#host(
      domains.reduce((sum, d) => sum + d.traits.cpu, 0),
    );
    const { limits } = this.#settings;
    const capacity = hostCapacity(
      // The kernel's total, not libvirt's, which was seen to count one NUMA node of several.
      { memoryBytes: memory.totalBytes, cpus: node.cpus, nicBitsPerSecond: nic },
      limits,
    );
    const resident = seen.reduce(
      (sum, { parameters }) => sum + (numberOf(parameters, 'balloon.rss') ?? 0) * 1024,
      0,
    );
    const used = Math.max(0, memory.totalBytes - memory.availableBytes - resident);
    return {
      capacity,
      // Where an operator set aside a part of the machine for domains, the rest of it is not theirs.
      hostCpu: limits.vcpus === null ? hostCpu : 0,
      hostMemoryBytes: limits.memoryBytes === null ? used : 0,
      domains,
    };
  }

  /** The definition seen last, for whoever needs it between two measurements. */
  definition(uuid: string): DomainDefinition | null {
    return this.#known.get(uuid)?.definition ?? null;
  }

  async #statistics(): Promise<readonly DomainStatistics[]> {
    // Without `noWait`, one domain that is busy with a long job would hold up the whole measurement.
    const flags = statisticsFlag.active | statisticsFlag.noWait;
    try {
      return await this.#client.domains.statistics({ groups: this.#groups, flags });
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      // A driver that knows fewer groups: what there is, then.
      this.#groups = groups;
      this.#dirty.giveUp();
      return this.#client.domains.statistics({ flags: statisticsFlag.active });
    }
  }

  async #see({ domain, parameters }: DomainStatistics): Promise<Seen | null> {
    try {
      const xml = await this.#client.domains.xml(domain);
      const before = this.#known.get(domain.uuid);
      if (before?.xml === xml) return { reference: domain, known: before, parameters };
      const parsed = parseDomainXml(xml);
      const known = parsed.ok
        ? { xml, definition: parsed.value, problem: '' }
        : { xml, definition: null, problem: parsed.message };
      this.#known.set(domain.uuid, known);
      return { reference: domain, known, parameters };
    } catch (error) {
      // It stopped between the two calls.
      if (isNotFound(error)) return null;
      if (isUncertain(error)) throw error;
      // One domain that libvirt has trouble with must not hide all the others.
      const problem = `libvirt cannot show its definition: ${describe(error)}`;
      const definition = this.definition(domain.uuid);
      return { reference: domain, known: { xml: '', definition, problem }, parameters };
    }
  }

  #domain({ reference, known, parameters }: Seen, nowMs: number): Sampled {
    const { definition } = known;
    const memoryBytes = definition === null ? maximumOf(parameters) : domainMemoryBytes(definition);
    const cpuNs = cpuTimeNs(parameters);
    const cpu = cpuNs === undefined ? 0 : this.#cpu.read(reference.uuid, { atMs: nowMs, cpuNs });
    const dirty = this.#dirty.read(
      { uuid: reference.uuid, memoryBytes: definition?.memoryBytes ?? memoryBytes, cores: cpu },
      parameters,
    );
    const policy = definition === null ? null : readPolicy(definition.metadata);
    const frozen: Policy = { frozen: true };
    const problem =
      known.problem !== ''
        ? known.problem
        : policy?.ok === false
          ? policy.message
          : this.#isMigrating(reference.uuid)
            ? null
            : this.blockers.reason(reference.uuid);
    return {
      domain: reference.uuid as DomainId,
      traits: {
        name: reference.name,
        memoryBytes,
        vcpus: definition?.vcpus ?? numberOf(parameters, 'vcpu.maximum') ?? 1,
        cpu,
        dirtyBytesPerSecond: dirty.bytesPerSecond,
        policy: policy?.ok ? policy.value : frozen,
      },
      addresses: [
        ...new Set((definition?.interfaces ?? []).flatMap(({ address }) => address ?? [])),
      ],
      state: stateOf(parameters),
      ...(problem === null ? {} : { blocked: problem }),
    };
  }

  async #renewDirtyRates(seen: readonly Seen[], nowMs: number): Promise<void> {
    const measurable = seen.flatMap(({ reference, known, parameters }) =>
      known.definition !== null &&
      stateOf(parameters) === 'running' &&
      !this.#isMigrating(reference.uuid)
        ? [{ reference, memoryBytes: known.definition.memoryBytes }]
        : [],
    );
    await this.#dirty.renew(measurable, nowMs, async (domain, seconds) => {
      if (await isBusy(this.#client.domains, domain)) throw new Error(`${domain.name} is busy`);
      await this.#client.domains.startDirtyRate(domain, seconds).catch((error: unknown) => {
        if (isUnsupported(error)) this.#dirty.giveUp();
        throw error;
      });
    });
  }

  /** Finishes what the migration that brought a domain here could not. */
  async #honourArrivals(seen: readonly Seen[]): Promise<void> {
    for (const { reference, known, parameters } of seen) {
      if (known.definition === null || !isMarked(known.definition.metadata)) continue;
      if (stateOf(parameters) !== 'running' || this.#isMigrating(reference.uuid)) continue;
      const { domains } = this.#client;
      try {
        if (!(await isBusy(domains, reference))) await honourAutostart(domains, reference);
      } catch (error) {
        const message = `${reference.name} should start by itself, but: ${describe(error)}`;
        this.#log.log('warn', 'autostart-not-set', message, { domain: reference.uuid });
      }
    }
  }

  async #host(domainCores: number) {
    const { paths } = this.#settings;
    const [ticks, memory, uplink] = await Promise.all([
      readCpuTicks(paths),
      readHostMemory(paths),
      this.#settings.limits.nicBitsPerSecond === null ? readUplinkSpeed(paths) : null,
    ]);
    const busy = this.#ticks === undefined ? 0 : busyCores(this.#ticks, ticks);
    this.#ticks = ticks;
    if (uplink === null && this.#settings.limits.nicBitsPerSecond === null && !this.#saidUplink) {
      this.#saidUplink = true;
      const message =
        'No physical interface says how fast it is: 1 Gbit/s is assumed; set limits.nic.';
      this.#log.log('warn', 'uplink-unknown', message);
    }
    const nic = uplink ?? uplinkUnknownBitsPerSecond;
    return { memory, hostCpu: Math.max(0, busy - domainCores), nic };
  }

  #forgetOthers(seen: readonly Seen[]): void {
    const present = new Set(seen.map(({ reference }) => reference.uuid));
    for (const uuid of this.#known.keys()) if (!present.has(uuid)) this.#known.delete(uuid);
    this.#cpu.keep(present);
    this.#dirty.keep(present);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
