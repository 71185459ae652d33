/** Where a domain is, in the words of the core, from what this host's libvirt says. */

import type { DomainPresence } from '@barter/core';
import {
  type DomainApi,
  type DomainReference,
  domainState,
  isInvalidState,
  isNotFound,
  isUnsupported,
  type JobStatistics,
  jobOperation,
  jobType,
  LibvirtError,
  numberOf,
  pausedReason,
} from '@barter/libvirt';

export type StateAndReason = Readonly<{ state: number; reason: number }>;

/**
 * Rejects with a `LibvirtError` when libvirt cannot be asked. `isHeld` says whether an answer of the target got lost: then
 * nobody works on the migration any more, although its job may go on, and its QEMU may not answer who asks for the job.
 */
export async function inspectDomain(
  domains: DomainApi,
  uuid: string,
  isHeld: (uuid: string) => Promise<boolean> = async () => false,
): Promise<DomainPresence> {
  try {
    const domain = await domains.lookupByUuid(uuid);
    const state = await domains.state(domain);
    if (!isActive(state.state)) return { state: 'absent', defined: true };
    const isAtItsEnd =
      state.state === domainState.paused && state.reason === pausedReason.migration;
    if (isAtItsEnd && (await isHeld(uuid)))
      return { state: 'paused', detail: 'sent, and the answer got lost', byMigration: true };
    return presenceOf(state, await jobOf(domains, domain));
  } catch (error) {
    if (isNotFound(error)) return { state: 'absent', defined: false };
    throw error;
  }
}

/** Whether libvirt is doing something with it that other calls would have to wait for. */
export async function isBusy(
  domains: Pick<DomainApi, 'jobStatistics'>,
  domain: DomainReference,
): Promise<boolean> {
  const job = await jobOf(domains, domain);
  if (job === 'incoming') return true;
  return job !== null && (job.type === jobType.bounded || job.type === jobType.unbounded);
}

/** What its job is: `incoming` when libvirt refuses to tell because the domain is arriving. */
async function jobOf(
  domains: Pick<DomainApi, 'jobStatistics'>,
  domain: DomainReference,
): Promise<JobStatistics | 'incoming' | null> {
  try {
    return await domains.jobStatistics(domain);
  } catch (error) {
    // QEMU's driver: "migration statistics are available only on the source host".
    if (error instanceof LibvirtError && error.is('operationUnsupported')) return 'incoming';
    // Another driver knows no jobs, or the domain has just stopped.
    if (isUnsupported(error) || isInvalidState(error)) return null;
    throw error;
  }
}

export function presenceOf(
  { state, reason }: StateAndReason,
  job: JobStatistics | 'incoming' | null,
): DomainPresence {
  if (!isActive(state)) return { state: 'absent', defined: true };
  if (job !== null && job !== 'incoming' && isMigratingOut(job)) return { state: 'migrating-out' };
  if (state === domainState.paused) {
    const arriving = reason === pausedReason.migration || reason === pausedReason.startingUp;
    if (job === 'incoming' && arriving) return { state: 'arriving' };
    if (job !== null && job !== 'incoming' && isMigratingIn(job)) return { state: 'arriving' };
    const byMigration = reason === pausedReason.migration;
    return { state: 'paused', detail: pausedDetail(reason), byMigration };
  }
  if (state === domainState.running || state === domainState.blocked) return { state: 'running' };
  const detail = `libvirt says that its state is ${stateName(state)}`;
  return { state: 'paused', detail, byMigration: false };
}

export function isActive(state: number): boolean {
  return state !== domainState.shutoff && state !== domainState.noState;
}

export function isMigratingOut({ type, parameters }: JobStatistics): boolean {
  const underWay = type === jobType.bounded || type === jobType.unbounded;
  return underWay && numberOf(parameters, 'operation') === jobOperation.migrationOut;
}

function isMigratingIn({ type, parameters }: JobStatistics): boolean {
  return type !== jobType.none && numberOf(parameters, 'operation') === jobOperation.migrationIn;
}

function pausedDetail(reason: number): string {
  switch (reason) {
    case pausedReason.user:
      return 'paused by an administrator';
    case pausedReason.migration:
      return 'paused by a migration that did not end';
    case pausedReason.postcopy:
      return 'paused in a post-copy migration';
    default:
      return `paused (virDomainPausedReason ${reason})`;
  }
}

function stateName(state: number): string {
  const [name] = Object.entries(domainState).find(([, number]) => number === state) ?? [];
  return name ?? String(state);
}
