/** A libvirt that answers as a story says, procedure by procedure, and keeps what it was asked. */

import {
  type Caller,
  type CallOptions,
  DomainApi,
  type DomainReference,
  domainState,
  type ErrorCodeName,
  errorCode,
  HostApi,
  type JobStatistics,
  jobOperation,
  jobType,
  LibvirtError,
  type LibvirtErrorKind,
  type Procedure,
} from '@barter/libvirt';

export const reference: DomainReference = {
  name: 'vm1',
  uuid: '11111111-2222-4333-8444-555555555555',
  id: 3,
};

export const definition = `<domain type='kvm'><name>vm1</name>
  <uuid>11111111-2222-4333-8444-555555555555</uuid>
  <memory unit='MiB'>512</memory><currentMemory unit='MiB'>512</currentMemory><vcpu>2</vcpu>
  <devices><interface type='bridge'><mac address='52:54:00:AA:BB:01'/><source bridge='br0'/></interface></devices>
</domain>`;

export function refused(code: ErrorCodeName, message: string): LibvirtError {
  return new LibvirtError('refused', 'scripted', message, { code: errorCode[code], domain: 10 });
}

export function lost(kind: Exclude<LibvirtErrorKind, 'refused'>): LibvirtError {
  return new LibvirtError(kind, 'scripted', `the answer was lost (${kind})`);
}

export const noJob: JobStatistics = { type: jobType.none, parameters: new Map() };

export function migrating(sent: number, remaining: number, iteration = 1): JobStatistics {
  return {
    type: jobType.unbounded,
    parameters: new Map<string, number | bigint>([
      ['operation', jobOperation.migrationOut],
      ['data_total', BigInt(sent + remaining)],
      ['data_processed', BigInt(sent)],
      ['data_remaining', BigInt(remaining)],
      ['memory_bps', 1_000_000n],
      ['memory_iteration', BigInt(iteration)],
      ['downtime', 100n],
    ]),
  };
}

type Handler = (args: never) => unknown;

/** What a domain that runs here without a job answers; a story replaces some of it. */
const ordinary: Record<string, Handler> = {
  domain_get_xml_desc: () => definition,
  domain_lookup_by_uuid: () => reference,
  domain_lookup_by_name: () => reference,
  domain_get_state: () => ({ state: domainState.running, reason: 1 }),
  domain_get_job_stats: () => noJob,
  domain_is_persistent: () => true,
  domain_migrate_begin3_params: () => definition,
  domain_get_autostart: () => false,
  domain_migrate_set_max_downtime: () => undefined,
  domain_set_autostart: () => undefined,
  domain_undefine_flags: () => undefined,
  domain_set_metadata: () => undefined,
};

export class ScriptedLibvirt implements Caller {
  readonly domains = new DomainApi(this);
  readonly host = new HostApi(this);
  readonly calls: string[] = [];
  readonly answers: Record<string, Handler>;

  constructor(answers: Record<string, Handler> = {}) {
    this.answers = { ...ordinary, ...answers };
  }

  async call<Arguments, Reply>(
    procedure: Procedure<Arguments, Reply>,
    args: Arguments,
    _options?: CallOptions,
  ): Promise<Reply> {
    this.calls.push(procedure.name);
    const handler = this.answers[procedure.name];
    if (handler === undefined) throw refused('noSupport', `the story has no ${procedure.name}`);
    const answer = (handler as (args: Arguments) => unknown)(args);
    if (answer instanceof Error) throw answer;
    return (await answer) as Reply;
  }

  async dedicated<Value>(work: (domains: DomainApi) => Promise<Value>): Promise<Value> {
    return work(new DomainApi(this));
  }

  count(procedure: string): number {
    return this.calls.filter((name) => name === procedure).length;
  }
}
