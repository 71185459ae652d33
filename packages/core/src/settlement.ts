/**
 * Settlement: a claim held away from home becomes a live migration.
 *
 *   holder   asking ── settling, arrival ──▶ arriving ── settled ──▶ arrived ── seen running, absent ──▶ (done)
 *            asking ── refuse, lease end ──▶ (released)
 *   home     migrating ── moved ──▶ moved
 *            migrating ── stayed ──▶ failed
 *            migrating ── end not seen, restart ──▶ resolving ── both sides asked ──▶ moved | failed
 *
 * The holder keeps room from before it asks. It stops keeping it only when nothing can arrive any more:
 * the lease ended before the home's hypervisor opened the way, or the home says how it ended, or the
 * domain is running here. The home never guesses how a migration ended: it asks both hypervisors.
 */

import type { MigrationStatistics, SettlementMessage } from './message.ts';
import type { DomainId, DomainTraits, HostId, SettlementId, TrafficRow } from './model.ts';
import type { DomainPresence } from './ports.ts';

/** Room kept here for a domain that is to arrive. */
export type Reservation = Readonly<{
  settlement: SettlementId;
  domain: DomainId;
  home: HostId;
  version: number;
  traits: DomainTraits;
  row: TrafficRow;
  phase: 'asking' | 'arriving' | 'arrived';
  startedAtMs: number;
  /** `asking`: nothing may arrive after this. `arriving`: when to ask the home what became of it. `arrived`: when to look. */
  leaseExpiresAtMs: number;
}>;

export type SettlementPhase = 'migrating' | 'resolving' | 'moved' | 'failed';

/** A migration out of here, from the promise to the receipt. */
export type Settlement = Readonly<{
  settlement: SettlementId;
  domain: DomainId;
  name: string;
  to: HostId;
  version: number;
  phase: SettlementPhase;
  startedAtMs: number;
  endedAtMs: number | null;
  expectedBytes: number;
  detail: string;
  statistics: MigrationStatistics | null;
  /** When the two hypervisors contradict or cannot be asked: since when, for the alarm. */
  unresolvedSinceMs: number | null;
}>;

export function isUnderWay(settlement: Settlement): boolean {
  return settlement.phase === 'migrating' || settlement.phase === 'resolving';
}

/** What the target said about the domain, when it could be asked. */
export type Located = (SettlementMessage & { kind: 'located' })['presence'];

export type Resolution =
  | Readonly<{ kind: 'moved' | 'stayed'; detail: string }>
  /** `nowhere`: both hypervisors say that they do not know it. When that lasts, there is nothing to wait for. */
  | Readonly<{ kind: 'wait'; detail: string; alarm: boolean; nowhere?: true }>;

/**
 * How a migration ended, from what both hypervisors say now (the ownership table in the libvirt
 * practice notes: the source owns the domain until the target is running it). In doubt: wait.
 * `elsewhere` names a third host that speaks for the domain as its home, at a higher version than ours.
 */
export function resolve(
  here: DomainPresence,
  there: Located | null,
  elsewhere: string | null = null,
): Resolution {
  // It went on from the target before we had heard that it arrived there.
  if (here.state === 'absent' && !here.defined && there !== 'running' && elsewhere !== null)
    return { kind: 'moved', detail: `it runs on ${elsewhere} by now` };
  // What became of it since, even its coming back here, is another story.
  if (there === 'arrived' && (here.state === 'absent' || here.state === 'running'))
    return { kind: 'moved', detail: 'it has run at the target since' };
  switch (here.state) {
    case 'running':
      // The source runs it, so the target cannot: QEMU hands over once, and a paused arrival is killed.
      return there === 'running'
        ? { kind: 'wait', alarm: true, detail: 'both hosts say that the domain is running' }
        : { kind: 'stayed', detail: 'the domain still runs at its home' };
    case 'migrating-out':
      return { kind: 'wait', alarm: false, detail: 'the migration is still under way' };
    case 'absent':
      if (there === 'running') return { kind: 'moved', detail: 'the target is running it' };
      if (there === null)
        return {
          kind: 'wait',
          alarm: true,
          detail: 'gone from here, and the target cannot be asked',
        };
      if (there === 'paused')
        return { kind: 'wait', alarm: true, detail: 'gone from here, and paused at the target' };
      return here.defined
        ? { kind: 'stayed', detail: 'the domain is shut off at its home and absent at the target' }
        : { kind: 'wait', alarm: true, nowhere: true, detail: 'neither host knows the domain' };
    case 'arriving':
      return {
        kind: 'wait',
        alarm: true,
        detail: 'the domain is arriving where it should be leaving',
      };
    case 'paused':
      return pausedHere(there);
  }
}

/** Perform-done: the source is paused and somebody else has to decide. Never resume it while in doubt. */
function pausedHere(there: Located | null): Resolution {
  switch (there) {
    case 'arrived':
      return {
        kind: 'wait',
        alarm: true,
        detail: 'it has run at the target since; its paused copy here must never be resumed',
      };
    case 'running':
      return {
        kind: 'wait',
        alarm: true,
        detail: 'the target is running it; its paused copy here must never be resumed',
      };
    case 'absent':
      return {
        kind: 'wait',
        alarm: true,
        detail: 'paused here and absent at the target: resume it here by hand once that is certain',
      };
    case 'paused':
      return { kind: 'wait', alarm: false, detail: 'paused on both sides: handing over' };
    case null:
      return { kind: 'wait', alarm: true, detail: 'paused here, and the target cannot be asked' };
  }
}
