/**
 * What the source makes sure of before it asks the target for anything: the domain runs here, nothing
 * else is being done with it, and libvirt itself would migrate it.
 */

import type { DomainId } from '@barter/core';
import {
  type DomainApi,
  type DomainReference,
  domainState,
  isNotFound,
  LibvirtError,
} from '@barter/libvirt';
import type { MigrationFacts } from '../migration-path.ts';
import { failure, type Result, success } from '../result.ts';
import { migrationFlags } from './blockers.ts';
import { parseDomainXml } from './domain-xml.ts';
import { domainMemoryBytes } from './memory.ts';
import { isBusy } from './presence.ts';

export type Departure = Readonly<{
  domain: DomainReference;
  flags: number;
  persistent: boolean;
  facts: MigrationFacts;
}>;

const xmlCharactersMax = 128 * 1024;

/** Errors: `gone`, `busy`, `blocked`, `check-failed`, `unreachable`, each with one sentence. */
export async function checkDeparture(
  domains: DomainApi,
  uuid: DomainId,
): Promise<Result<Departure>> {
  try {
    const domain = await domains.lookupByUuid(uuid);
    const { state } = await domains.state(domain);
    if (state === domainState.shutoff) return failure('gone', `${domain.name} is shut off.`);
    if (state !== domainState.running && state !== domainState.blocked) {
      return failure('check-failed', `${domain.name} is not running but in state ${state}.`);
    }
    if (await isBusy(domains, domain)) {
      return failure('busy', `Another job of libvirt's is under way on ${domain.name}.`);
    }
    const persistent = await domains.isPersistent(domain);
    const flags = migrationFlags(persistent);
    const xml = await domains.wouldMigrate(domain, flags).catch((error: unknown) => error);
    if (typeof xml !== 'string') {
      if (xml instanceof LibvirtError && xml.kind === 'refused') {
        return failure('blocked', `libvirt would not migrate ${domain.name}: ${xml.message}.`);
      }
      throw xml;
    }
    const facts = factsOf(xml);
    return facts.ok ? success({ domain, flags, persistent, facts: facts.value }) : facts;
  } catch (error) {
    if (isNotFound(error)) return failure('gone', `No domain ${uuid} is known here.`);
    const detail = error instanceof Error ? error.message : String(error);
    return failure('unreachable', `libvirt could not be asked about domain ${uuid}: ${detail}.`);
  }
}

function factsOf(xml: string): Result<MigrationFacts> {
  if (xml.length > xmlCharactersMax) {
    return failure(
      'check-failed',
      `Its definition of ${xml.length} characters is too long to send.`,
    );
  }
  const parsed = parseDomainXml(xml);
  if (!parsed.ok) return failure('check-failed', parsed.message);
  const { name, uuid, vcpus } = parsed.value;
  return success({ name, uuid, vcpus, memoryBytes: domainMemoryBytes(parsed.value), xml });
}
