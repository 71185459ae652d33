/**
 * Domains: find, read, change, measure and migrate. Every method rejects with a `LibvirtError`;
 * `isNotFound` tells that the domain is gone.
 */

import type { Caller, CallOptions } from './connection.ts';
import { impact, metadataType, migrateFlag } from './constants.ts';
import {
  type DomainStatistics,
  domainProcedures,
  type JobStatistics,
} from './domain-procedures.ts';
import type { DomainReference } from './procedure.ts';
import type { TypedParameter } from './typed-parameter.ts';

/** A live migration that the source's libvirtd carries out itself (peer-to-peer). */
export type Migration = Readonly<{
  /** The target's libvirt, as this host's libvirtd reaches it. */
  destinationUri: string;
  /** A sum of `migrateFlag`. */
  flags: number;
  /** Where the memory goes; libvirt chooses when it is absent. */
  migrateUri?: string;
  /** Where disks that are copied go. */
  disksUri?: string;
  /** MiB/s; absent or 0 = unlimited. */
  bandwidthMebibytesPerSecond?: number;
  /** The definition that the domain runs by on the target. */
  destinationXml?: string;
  /** The definition that stays on the target when the domain is shut off. */
  persistentXml?: string;
}>;

export class DomainApi {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Every domain that the flags (a sum of `listFlag`) let through; 0 = all. */
  list(flags = 0): Promise<readonly DomainReference[]> {
    return this.#caller.call(domainProcedures.list, flags);
  }

  lookupByUuid(uuid: string): Promise<DomainReference> {
    return this.#caller.call(domainProcedures.lookupByUuid, uuid);
  }

  lookupByName(name: string): Promise<DomainReference> {
    return this.#caller.call(domainProcedures.lookupByName, name);
  }

  /** The definition; `flags` is a sum of `xmlFlag`. */
  xml(domain: DomainReference, flags = 0): Promise<string> {
    return this.#caller.call(domainProcedures.xml, { domain, flags });
  }

  state(domain: DomainReference): Promise<Readonly<{ state: number; reason: number }>> {
    return this.#caller.call(domainProcedures.state, { domain, flags: 0 });
  }

  isPersistent(domain: DomainReference): Promise<boolean> {
    return this.#caller.call(domainProcedures.isPersistent, { domain });
  }

  snapshotCount(domain: DomainReference): Promise<number> {
    return this.#caller.call(domainProcedures.snapshotCount, { domain, flags: 0 });
  }

  /** Statistics of many domains in one call; no domain named = all that `flags` lets through. */
  statistics(
    options: Readonly<{
      domains?: readonly DomainReference[];
      groups?: number;
      flags?: number;
    }> = {},
  ): Promise<readonly DomainStatistics[]> {
    return this.#caller.call(domainProcedures.statistics, {
      domains: options.domains ?? [],
      groups: options.groups ?? 0,
      flags: options.flags ?? 0,
    });
  }

  /** Starts a measurement that ends after `seconds` and then shows in the `dirtyRate` statistics. */
  startDirtyRate(domain: DomainReference, seconds: number): Promise<void> {
    return this.#caller.call(domainProcedures.startDirtyRate, { domain, seconds });
  }

  define(xml: string): Promise<DomainReference> {
    return this.#caller.call(domainProcedures.defineXml, xml);
  }

  /** Starts a domain without defining it: it is gone when it stops. */
  createTransient(xml: string): Promise<DomainReference> {
    return this.#caller.call(domainProcedures.createXml, { xml, flags: 0 });
  }

  start(domain: DomainReference): Promise<void> {
    return this.#caller.call(domainProcedures.create, { domain });
  }

  /** Asks the guest to shut down; it may not. */
  shutdown(domain: DomainReference): Promise<void> {
    return this.#caller.call(domainProcedures.shutdown, { domain });
  }

  /** Stops it at once, as if the power was cut. */
  destroy(domain: DomainReference): Promise<void> {
    return this.#caller.call(domainProcedures.destroy, { domain, flags: 0 });
  }

  undefine(domain: DomainReference, flags = 0): Promise<void> {
    return this.#caller.call(domainProcedures.undefine, { domain, flags });
  }

  suspend(domain: DomainReference): Promise<void> {
    return this.#caller.call(domainProcedures.suspend, { domain });
  }

  resume(domain: DomainReference): Promise<void> {
    return this.#caller.call(domainProcedures.resume, { domain });
  }

  autostart(domain: DomainReference): Promise<boolean> {
    return this.#caller.call(domainProcedures.getAutostart, { domain });
  }

  setAutostart(domain: DomainReference, autostart: boolean): Promise<void> {
    return this.#caller.call(domainProcedures.setAutostart, { domain, autostart });
  }

  /** The metadata element of one XML namespace; rejects (`isNotFound`) when there is none. */
  metadata(
    domain: DomainReference,
    namespace: string,
    flags: number = impact.current,
  ): Promise<string> {
    const type = metadataType.element;
    return this.#caller.call(domainProcedures.getMetadata, { domain, type, uri: namespace, flags });
  }

  /** Sets the metadata element of one XML namespace, or takes it away (`element` null). `prefix` names it in the XML. */
  setMetadata(
    domain: DomainReference,
    namespace: string,
    prefix: string,
    element: string | null,
    flags: number = impact.current,
  ): Promise<void> {
    const type = metadataType.element;
    return this.#caller.call(domainProcedures.setMetadata, {
      domain,
      type,
      metadata: element,
      key: prefix,
      uri: namespace,
      flags,
    });
  }

  /** What its job (a migration, say) has done so far; `flags` is a sum of `jobStatisticsFlag`. */
  jobStatistics(domain: DomainReference, flags = 0, options?: CallOptions): Promise<JobStatistics> {
    return this.#caller.call(domainProcedures.jobStatistics, { domain, flags }, options);
  }

  /** Ends the job under way; a migration is rolled back. libvirt may hang here: give it a timeout. */
  abortJob(domain: DomainReference, options?: CallOptions): Promise<void> {
    return this.#caller.call(domainProcedures.abortJob, { domain }, options);
  }

  /** How long the guest may stand still at the end of the migration under way. */
  setMaxDowntime(domain: DomainReference, downtimeMs: number): Promise<void> {
    return this.#caller.call(domainProcedures.setMaxDowntime, { domain, downtimeMs });
  }

  /**
   * Asks libvirt and QEMU whether they would migrate this domain with these flags (a sum of
   * `migrateFlag`), and changes nothing: the first step of every migration, without the next ones.
   * Resolves to the definition that would be sent; rejects with libvirt's reason why not.
   */
  wouldMigrate(domain: DomainReference, flags: number): Promise<string> {
    return this.#caller.call(domainProcedures.migrateBegin, { domain, flags });
  }

  /**
   * Ends a domain that is arriving here and does not run yet, the way a migration that failed at its source
   * does. libvirt takes it only while the domain is arriving, so it never hits one that has begun to run.
   * Look at its state afterwards: libvirt answers with an error also when it has done so.
   */
  async cancelArrival(name: string, options?: CallOptions): Promise<void> {
    const parameters = [{ name: 'destination_name', type: 'string', value: name } as const];
    const flags = migrateFlag.live | migrateFlag.peer2peer;
    const call = { parameters, flags, cancelled: true };
    await this.#caller.call(domainProcedures.migrateFinish, call, options);
  }

  /**
   * Migrates and resolves when the domain runs on the target. It lasts as long as the migration: make
   * it on a connection of its own (`LibvirtClient.dedicated`) with a timeout to match. After
   * `timeout` or `closed` the migration may go on without us.
   */
  migrate(domain: DomainReference, migration: Migration, options: CallOptions): Promise<void> {
    return this.#caller.call(
      domainProcedures.migratePerform,
      {
        domain,
        destinationUri: migration.destinationUri,
        parameters: migrationParameters(migration),
        flags: migration.flags,
      },
      options,
    );
  }
}

function migrationParameters(migration: Migration): readonly TypedParameter[] {
  const texts: readonly (readonly [string, string | undefined])[] = [
    ['migrate_uri', migration.migrateUri],
    ['disks_uri', migration.disksUri],
    ['destination_xml', migration.destinationXml],
    ['persistent_xml', migration.persistentXml],
  ];
  const parameters: TypedParameter[] = texts.flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, type: 'string', value }],
  );
  const bandwidth = Math.ceil(migration.bandwidthMebibytesPerSecond ?? 0);
  if (bandwidth > 0) {
    parameters.push({ name: 'bandwidth', type: 'ullong', value: BigInt(bandwidth) });
  }
  return parameters;
}
