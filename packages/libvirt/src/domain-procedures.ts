/** Procedures of domains. */

import {
  type DomainReference,
  domainBytesMin,
  limit,
  nothing,
  procedure,
  readDomain,
  writeDomain,
} from './procedure.ts';
import {
  readTypedParameters,
  type TypedParameter,
  type TypedParameters,
  writeTypedParameters,
} from './typed-parameter.ts';
import { parseUuid } from './uuid.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

type OfDomain = Readonly<{ domain: DomainReference }>;
type OfDomainWithFlags = Readonly<{ domain: DomainReference; flags: number }>;

function writeDomainAndFlags(writer: XdrWriter, { domain, flags }: OfDomainWithFlags): void {
  writeDomain(writer, domain);
  writer.uint(flags);
}

function readDomains(reader: XdrReader): readonly DomainReference[] {
  return reader.array(limit.domains, domainBytesMin, () => readDomain(reader));
}

export type DomainStatistics = Readonly<{ domain: DomainReference; parameters: TypedParameters }>;

export type JobStatistics = Readonly<{ type: number; parameters: TypedParameters }>;

export const domainProcedures = {
  create: procedure<OfDomain>(
    'domain_create',
    9,
    (w, { domain }) => writeDomain(w, domain),
    nothing,
  ),
  createXml: procedure<Readonly<{ xml: string; flags: number }>, DomainReference>(
    'domain_create_xml',
    10,
    (writer, { xml, flags }) => writer.string(xml).uint(flags),
    readDomain,
  ),
  defineXml: procedure<string, DomainReference>(
    'domain_define_xml',
    11,
    (writer, xml) => writer.string(xml),
    readDomain,
  ),
  xml: procedure<OfDomainWithFlags, string>(
    'domain_get_xml_desc',
    14,
    writeDomainAndFlags,
    (reader) => reader.string(),
  ),
  getAutostart: procedure<OfDomain, boolean>(
    'domain_get_autostart',
    15,
    (writer, { domain }) => writeDomain(writer, domain),
    (reader) => reader.boolean(),
  ),
  lookupByName: procedure<string, DomainReference>(
    'domain_lookup_by_name',
    23,
    (writer, name) => writer.string(name),
    readDomain,
  ),
  lookupByUuid: procedure<string, DomainReference>(
    'domain_lookup_by_uuid',
    24,
    (writer, uuid) => writer.fixed(parseUuid(uuid)),
    readDomain,
  ),
  resume: procedure<OfDomain>(
    'domain_resume',
    28,
    (w, { domain }) => writeDomain(w, domain),
    nothing,
  ),
  setAutostart: procedure<Readonly<{ domain: DomainReference; autostart: boolean }>>(
    'domain_set_autostart',
    29,
    (writer, { domain, autostart }) => {
      writeDomain(writer, domain);
      writer.boolean(autostart);
    },
    nothing,
  ),
  shutdown: procedure<OfDomain>(
    'domain_shutdown',
    33,
    (writer, { domain }) => writeDomain(writer, domain),
    nothing,
  ),
  suspend: procedure<OfDomain>(
    'domain_suspend',
    34,
    (writer, { domain }) => writeDomain(writer, domain),
    nothing,
  ),
  isPersistent: procedure<OfDomain, boolean>(
    'domain_is_persistent',
    151,
    (writer, { domain }) => writeDomain(writer, domain),
    (reader) => reader.boolean(),
  ),
  abortJob: procedure<OfDomain>(
    'domain_abort_job',
    164,
    (writer, { domain }) => writeDomain(writer, domain),
    nothing,
  ),
  setMaxDowntime: procedure<Readonly<{ domain: DomainReference; downtimeMs: number }>>(
    'domain_migrate_set_max_downtime',
    166,
    (writer, { domain, downtimeMs }) => {
      writeDomain(writer, domain);
      writer.uhyper(BigInt(Math.round(downtimeMs))).uint(0);
    },
    nothing,
  ),
  snapshotCount: procedure<OfDomainWithFlags, number>(
    'domain_snapshot_num',
    187,
    writeDomainAndFlags,
    (reader) => reader.int(),
  ),
  state: procedure<OfDomainWithFlags, Readonly<{ state: number; reason: number }>>(
    'domain_get_state',
    212,
    writeDomainAndFlags,
    (reader) => ({ state: reader.int(), reason: reader.int() }),
  ),
  undefine: procedure<OfDomainWithFlags>(
    'domain_undefine_flags',
    231,
    writeDomainAndFlags,
    nothing,
  ),
  destroy: procedure<OfDomainWithFlags>('domain_destroy_flags', 234, writeDomainAndFlags, nothing),
  setMetadata: procedure<
    Readonly<{
      domain: DomainReference;
      type: number;
      metadata: string | null;
      key: string | null;
      uri: string | null;
      flags: number;
    }>
  >(
    'domain_set_metadata',
    264,
    (writer, { domain, type, metadata, key, uri, flags }) => {
      writeDomain(writer, domain);
      writer.int(type).optionalString(metadata).optionalString(key).optionalString(uri).uint(flags);
    },
    nothing,
  ),
  getMetadata: procedure<
    Readonly<{ domain: DomainReference; type: number; uri: string | null; flags: number }>,
    string
  >(
    'domain_get_metadata',
    265,
    (writer, { domain, type, uri, flags }) => {
      writeDomain(writer, domain);
      writer.int(type).optionalString(uri).uint(flags);
    },
    (reader) => reader.string(),
  ),
  list: procedure<number, readonly DomainReference[]>(
    'connect_list_all_domains',
    273,
    (writer, flags) => writer.int(1).uint(flags),
    readDomains,
  ),
  jobStatistics: procedure<OfDomainWithFlags, JobStatistics>(
    'domain_get_job_stats',
    298,
    writeDomainAndFlags,
    (reader) => ({
      type: reader.int(),
      parameters: readTypedParameters(reader, limit.jobParameters),
    }),
  ),
  migrateBegin: procedure<Readonly<{ domain: DomainReference; flags: number }>, string>(
    'domain_migrate_begin3_params',
    302,
    (writer, { domain, flags }) => {
      writeDomain(writer, domain);
      writeTypedParameters(writer, []);
      writer.uint(flags);
    },
    (reader) => {
      // The cookie is for the target's libvirtd: of no use without a migration.
      reader.opaque();
      return reader.string();
    },
  ),
  migratePerform: procedure<
    Readonly<{
      domain: DomainReference;
      destinationUri: string;
      parameters: readonly TypedParameter[];
      flags: number;
    }>
  >(
    'domain_migrate_perform3_params',
    305,
    (writer, { domain, destinationUri, parameters, flags }) => {
      writeDomain(writer, domain);
      writer.optionalString(destinationUri);
      writeTypedParameters(writer, parameters);
      // No cookie: in peer-to-peer mode the two libvirtds exchange their own.
      writer.uint(0).uint(flags);
    },
    nothing,
  ),
  migrateFinish: procedure<
    Readonly<{ parameters: readonly TypedParameter[]; flags: number; cancelled: boolean }>
  >(
    'domain_migrate_finish3_params',
    306,
    (writer, { parameters, flags, cancelled }) => {
      writeTypedParameters(writer, parameters);
      // No cookie: it carries what a migration that goes on needs.
      writer
        .uint(0)
        .uint(flags)
        .int(cancelled ? 1 : 0);
    },
    nothing,
  ),
  statistics: procedure<
    Readonly<{ domains: readonly DomainReference[]; groups: number; flags: number }>,
    readonly DomainStatistics[]
  >(
    'connect_get_all_domain_stats',
    344,
    (writer, { domains, groups, flags }) =>
      writer
        .array(domains, (domain) => writeDomain(writer, domain))
        .uint(groups)
        .uint(flags),
    (reader) =>
      reader.array(limit.domainStatistics, domainBytesMin + 4, () => ({
        domain: readDomain(reader),
        parameters: readTypedParameters(reader, limit.statisticsParameters),
      })),
  ),
  startDirtyRate: procedure<Readonly<{ domain: DomainReference; seconds: number }>>(
    'domain_start_dirty_rate_calc',
    427,
    (writer, { domain, seconds }) => {
      writeDomain(writer, domain);
      writer.int(seconds).uint(0);
    },
    nothing,
  ),
} as const;
