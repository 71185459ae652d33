/**
 * Autostart moves with the domain. libvirt does not carry it over, so a mark in the domain's metadata
 * does: set at the source before a migration, read wherever the domain runs next.
 *
 * The rule: whoever dies in between, the next sample of the host where the domain runs finishes it. The
 * source sets the mark on a domain that starts by itself; a host that finds the mark on a domain
 * which runs there sets autostart and takes the mark away, so doing it twice does no harm.
 */

import { type DomainApi, type DomainReference, impact, isNotFound } from '@barter/libvirt';
import type { MetadataElement } from './domain-xml.ts';

const namespace = 'https://barter.dev/arrival/1';
const prefix = 'barter-arrival';
const element = '<autostart/>';
const liveAndConfig = impact.live | impact.config;

export function isMarked(metadata: readonly MetadataElement[]): boolean {
  return metadata.some((entry) => entry.namespace === namespace);
}

/** Marks a persistent domain that starts by itself. Rejects with a `LibvirtError`. */
export async function markAutostart(domains: DomainApi, domain: DomainReference): Promise<boolean> {
  if (!(await domains.autostart(domain))) return false;
  await domains.setMetadata(domain, namespace, prefix, element, liveAndConfig);
  return true;
}

/** Gives a marked domain that runs here its autostart back. Rejects with a `LibvirtError`. */
export async function honourAutostart(domains: DomainApi, domain: DomainReference): Promise<void> {
  await domains.setAutostart(domain, true);
  await domains
    .setMetadata(domain, namespace, prefix, null, liveAndConfig)
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}
