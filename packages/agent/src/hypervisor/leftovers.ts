/**
 * What a migration whose end nobody saw leaves in libvirt, and what the core decides to do about it: the copy that
 * is paused at the source, its definition, and the copy that waits at the target to be told to run.
 *
 * The rule: nothing that runs is ever ended here, nor what an administrator paused. libvirt is asked anew before
 * each step, because somebody else may have been at it.
 */

import type { DomainPresence, RefusalOutcome } from '@barter/core';
import {
  type DomainApi,
  type DomainReference,
  isInvalidState,
  isNotFound,
  isUncertain,
  undefineFlag,
  xmlFlag,
} from '@barter/libvirt';
import type { DepartureWay } from '../mover/departures.ts';
import { inspectDomain } from './presence.ts';
import type { OrderedCopy } from './qemu-log.ts';

/** What is known of an arrival besides what libvirt says. */
export type ArrivalDoor = Readonly<{
  /** Closes the way by which the domain may arrive, for good; rejects when it may still be open. */
  close(settlement: string): Promise<void>;
  evidence(settlement: string): Promise<ArrivalEvidence>;
}>;

export type ArrivalEvidence =
  /** Since this host booted nothing was let in, or nobody remembers. */
  | Readonly<{ kind: 'unknown' }>
  /** libvirt calls of this settlement were let in, and no order to run the domain was among them. */
  | Readonly<{ kind: 'opened' }>
  /** One was; `atMs` on the clock of monotonic.ts. `copy`: what libvirt's log of it is found by; null when nobody noted that. */
  | Readonly<{ kind: 'ordered'; atMs: number; copy: Omit<OrderedCopy, 'uuid' | 'atMs'> | null }>;

/** Who can tell that a copy which is gone has never run. */
export type ArrivalWitness = Readonly<{
  /** Whether somebody has looked at libvirt all the time since then, and not seen the domain run. */
  notSeenRunning(uuid: string, sinceMs: number): boolean;
  /** Whether somebody has seen it run since then. */
  wasSeenRunning(uuid: string, sinceMs: number): boolean;
  /** Whether libvirt has written that it ended the copy before it ran (qemu-log.ts). */
  wasEndedUnrun(copy: OrderedCopy): Promise<boolean>;
}>;

/** Told the definition before it goes, without its secrets: somebody may want it back. */
export type OnUndefine = (name: string, xml: string) => void;

/** libvirt may have to wait for QEMU. */
const callMsMax = 20_000;

/** Lets a copy run on that a migration left paused. Rejects with a `LibvirtError`, or when its way cannot be closed. */
export async function resumeLeftover(
  domains: DomainApi,
  way: DepartureWay,
  uuid: string,
): Promise<void> {
  const presence = await inspectDomain(domains, uuid, way.isHeld);
  if (presence.state !== 'paused' || !presence.byMigration) return;
  // Where libvirt waits for its answer still, it resumes by itself when there can be none any more.
  const isWaiting = await way.close(uuid);
  if (isWaiting) return;
  try {
    await domains.resume(await domains.lookupByUuid(uuid));
  } catch (error) {
    // An order of libvirt's own was waiting for a QEMU that stood still, and has been first.
    const isFirst =
      isInvalidState(error) && (await inspectDomain(domains, uuid)).state === 'running';
    if (!isFirst) throw error;
  }
}

/**
 * Takes away what is left of a domain that runs elsewhere. The definition goes first: whatever happens next, a
 * reboot starts no second copy. Only where libvirt waits for its answer still, and changes nothing of the domain
 * meanwhile, the copy goes first, and then the wait. Rejects with a `LibvirtError`, or when the way cannot be closed.
 */
export async function discardLeftover(
  domains: DomainApi,
  way: DepartureWay,
  uuid: string,
  onUndefine: OnUndefine,
): Promise<void> {
  if (await way.isHeld(uuid)) await destroyLeft(domains, way, uuid);
  else if (isLeftover(await inspectDomain(domains, uuid)))
    await undefine(domains, uuid, onUndefine);
  else return;
  if (!(await way.isHeld(uuid))) await destroyLeft(domains, way, uuid);
  await way.close(uuid);
  const rest = await inspectDomain(domains, uuid);
  if (rest.state === 'absent' && rest.defined) await undefine(domains, uuid, onUndefine);
}

async function undefine(domains: DomainApi, uuid: string, onUndefine: OnUndefine): Promise<void> {
  const domain = await domains.lookupByUuid(uuid);
  if (!(await domains.isPersistent(domain))) return;
  onUndefine(domain.name, await domains.xml(domain, xmlFlag.inactive));
  await domains.setAutostart(domain, false);
  await domains.undefine(domain, undefineFlag.keepNvram);
}

async function destroyLeft(domains: DomainApi, way: DepartureWay, uuid: string): Promise<void> {
  const presence = await inspectDomain(domains, uuid, way.isHeld);
  if (presence.state !== 'paused' || !presence.byMigration) return;
  const isKilled = await way.kill(uuid);
  try {
    await domains.destroy(await domains.lookupByUuid(uuid));
  } catch (error) {
    // libvirt may have noticed its end by itself.
    if (!isKilled || !(isNotFound(error) || isInvalidState(error))) throw error;
  }
}

function isLeftover(presence: DomainPresence): boolean {
  if (presence.state === 'paused') return presence.byMigration;
  return presence.state === 'absent' && presence.defined;
}

/**
 * Ends what arrives by a settlement. Rejects when libvirt cannot be asked, when the way cannot be closed, and when
 * something of the domain is here that is not its arrival.
 */
export async function refuseArrival(
  domains: DomainApi,
  door: ArrivalDoor,
  settlement: string,
  uuid: string,
  witness: ArrivalWitness,
): Promise<RefusalOutcome> {
  await door.close(settlement);
  const evidence = await door.evidence(settlement);
  const before = await inspectDomain(domains, uuid);
  // An administrator's own migration is none of ours.
  const isCancelled =
    before.state === 'arriving' && evidence.kind !== 'unknown' && (await cancel(domains, uuid));
  const after = await inspectDomain(domains, uuid);
  switch (after.state) {
    case 'running':
    case 'migrating-out':
      return 'running';
    case 'absent':
      // A definition came with it, and comes only to what runs.
      if (isCancelled && !after.defined) return 'refused';
      if (evidence.kind === 'opened') return 'refused';
      return evidence.kind === 'ordered' &&
        !after.defined &&
        (await neverRan(witness, uuid, evidence))
        ? 'refused'
        : 'unclear';
    default:
      throw new Error(`The domain ${uuid} is ${after.state} here still.`);
  }
}

/** libvirtd died over the order. When it came back it ended the domain, unless that ran: then we have seen it, or its log says so. */
async function neverRan(
  witness: ArrivalWitness,
  uuid: string,
  { atMs, copy }: ArrivalEvidence & { kind: 'ordered' },
): Promise<boolean> {
  if (witness.notSeenRunning(uuid, atMs)) return true;
  if (witness.wasSeenRunning(uuid, atMs)) return false;
  return copy !== null && (await witness.wasEndedUnrun({ ...copy, uuid, atMs }));
}

/** True when libvirt ended it before it began to run. */
async function cancel(domains: DomainApi, uuid: string): Promise<boolean> {
  let domain: DomainReference;
  try {
    domain = await domains.lookupByUuid(uuid);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
  try {
    await domains.cancelArrival(domain.name, { timeoutMs: callMsMax });
    return true;
  } catch (error) {
    if (isUncertain(error)) throw error;
    // "domain is not processing incoming migration": it has begun to run, or ended by itself.
    return !isNotFound(error) && !isInvalidState(error);
  }
}
