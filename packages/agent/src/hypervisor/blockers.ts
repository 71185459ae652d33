/**
 * Why libvirt would not migrate a domain, asked of libvirt itself: it knows about snapshots, block jobs,
 * local disks, unsafe cache modes, devices of the host and whatever QEMU adds, and a list of our own
 * would only be wrong differently.
 *
 * The rule: an answer that is not there yet, or that could not be had, blocks too.
 */

import {
  type DomainApi,
  type DomainReference,
  isUncertain,
  LibvirtError,
  migrateFlag,
} from '@barter/libvirt';
import { isBusy } from './presence.ts';

type Answer = { definition: string; askedAtMs: number; reason: string | null };

/** A disk may be changed by hand without a trace in the definition that we see; so ask again now and then. */
const renewMs = 5 * 60_000;
/** New domains are always asked about; of the others so many in one sample. */
const renewalsAtOnce = 4;

type AskedApi = Pick<DomainApi, 'wouldMigrate' | 'isPersistent' | 'jobStatistics'>;

export type AskedDomain = Readonly<{ reference: DomainReference; definition: string }>;

export class Blockers {
  readonly #answers = new Map<string, Answer>();

  /** One sentence, or null when libvirt would migrate it. */
  reason(uuid: string): string | null {
    const answer = this.#answers.get(uuid);
    return answer === undefined ? 'libvirt has not yet said whether it can migrate' : answer.reason;
  }

  /** A migration was refused before it began: that counts until libvirt is asked again. */
  refused(uuid: string, reason: string): void {
    const answer = this.#answers.get(uuid);
    if (answer !== undefined) answer.reason = reason;
  }

  /**
   * Asks about domains that are new or changed, and renews the oldest answers; leaves alone those that
   * this agent is migrating. Never rejects.
   */
  async refresh(
    domains: readonly AskedDomain[],
    nowMs: number,
    api: AskedApi,
    isMigrating: (uuid: string) => boolean = () => false,
  ): Promise<void> {
    const present = new Set(domains.map(({ reference }) => reference.uuid));
    for (const uuid of this.#answers.keys()) if (!present.has(uuid)) this.#answers.delete(uuid);
    const changed = domains.filter(
      ({ reference, definition }) => this.#answers.get(reference.uuid)?.definition !== definition,
    );
    const old = domains
      .flatMap((domain) => {
        const answer = this.#answers.get(domain.reference.uuid);
        if (answer === undefined || answer.definition !== domain.definition) return [];
        return nowMs - answer.askedAtMs >= renewMs ? [{ domain, askedAtMs: answer.askedAtMs }] : [];
      })
      .sort((a, b) => a.askedAtMs - b.askedAtMs)
      .slice(0, renewalsAtOnce)
      .map(({ domain }) => domain);
    const asked = [...changed, ...old].filter(({ reference }) => !isMigrating(reference.uuid));
    await Promise.all(asked.map((domain) => this.#ask(domain, nowMs, api)));
  }

  async #ask({ reference, definition }: AskedDomain, nowMs: number, api: AskedApi): Promise<void> {
    try {
      // It would wait for a job under way, and the whole measurement with it.
      if (await isBusy(api, reference)) return;
      const persistent = await api.isPersistent(reference);
      await api.wouldMigrate(reference, migrationFlags(persistent));
      this.#answers.set(reference.uuid, { definition, askedAtMs: nowMs, reason: null });
    } catch (error) {
      // Without an answer an earlier one stands; the next sample asks again.
      if (isUncertain(error)) return;
      const reason = error instanceof LibvirtError ? `libvirt: ${error.message}` : String(error);
      this.#answers.set(reference.uuid, { definition, askedAtMs: nowMs, reason });
    }
  }
}

/** The flags of every migration of ours (virDomainMigrateFlags). */
export function migrationFlags(persistent: boolean): number {
  const always =
    migrateFlag.live | migrateFlag.peer2peer | migrateFlag.abortOnError | migrateFlag.autoConverge;
  return persistent ? always | migrateFlag.persistDest | migrateFlag.undefineSource : always;
}
