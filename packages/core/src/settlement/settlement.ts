/**
 * Settlement: a claim held away from home becomes a live migration.
 *
 *   holder   asking ── settling, arrival ──▶ arriving ── settled ──▶ arrived ── seen running, absent ──▶ (done)
 *            asking ── refuse, lease end ──▶ (released)
 *   home     migrating ── moved ──▶ moved
 *            migrating ── stayed ──▶ failed
 *            migrating ── end not seen, restart ──▶ resolving ── both sides asked ──▶ moved | failed
 *   holder   arriving ── its home says: give it up, it stayed ──▶ refusing ── nothing can arrive ──▶ (refused)
 *            arriving ── its home says nothing, and nothing came ──▶ refusing
 *
 * The holder keeps room from before it asks. It stops keeping it only when nothing can arrive any more:
 * the lease ended before the home's hypervisor opened the way, or the home says how it ended, or the
 * domain is running here. The home never guesses how a migration ended: it asks both hypervisors and the
 * target's journal (`resolve`).
 */

import type { MigrationStatistics } from '../message.ts';
import type { DomainId, DomainTraits, HostId, SettlementId, TrafficRow } from '../model/model.ts';
import type { DomainPresence } from '../model/presence.ts';

/** Room kept here for a domain that is to arrive. */
export type Reservation = Readonly<{
  settlement: SettlementId;
  domain: DomainId;
  home: HostId;
  version: number;
  traits: DomainTraits;
  row: TrafficRow;
  phase: 'asking' | 'arriving' | 'refusing' | 'arrived';
  startedAtMs: number;
  /** `asking`: nothing may arrive after this. `arriving`: when to ask the home what became of it. `arrived`: when to look. */
  leaseExpiresAtMs: number;
  /** `refusing`: why it must not arrive any more. */
  why?: string;
  /** False while no way has been opened for it, and nothing can have come; what is written before this was kept has none. */
  opened?: boolean;
}>;

/** How an arrival ended for good, as the target remembers it: what its home may build on. */
export type EndedArrival = Readonly<{
  settlement: SettlementId;
  domain: DomainId;
  home: HostId;
  /** `arrived`: it has run here. `refused`: it never ran here by this settlement, and never will. */
  ended: 'arrived' | 'refused';
  /** No way was opened for it: its home can hold nothing paused until it hears of this. */
  unopened?: true;
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
  /**
   * What both sides' answers led to, and what is being carried out. `clear`: the target has run it, so it is
   * never resumed here, whatever is said later. `resume`: the target will never run it by this settlement.
   */
  decided?: 'clear' | 'resume';
  /** The hypervisor here let it run on without knowing whether it runs at the target. */
  guessed?: true;
  /** An operator has said that it does not run at the target and never ran there (`operators-word.ts`). */
  vouched?: true;
  /** The keep-together group that the domain was in when it left. */
  group?: string;
  /** An operator wants it to stay, whatever the rest of its group does. */
  aborted?: true;
}>;

export function isUnderWay(settlement: Settlement): boolean {
  return settlement.phase === 'migrating' || settlement.phase === 'resolving';
}

/** What the target's hypervisor says about the domain. */
export type Located = 'running' | 'paused' | 'arriving' | 'absent';

/**
 * What the target's journal says about this settlement. `open`: it may still arrive, or nothing is written
 * down; with `running`: the target is about to take it in. `unclear`: it can arrive no more, and whether it ever
 * ran there by this settlement nobody knows.
 */
export type ArrivalWord = 'open' | 'refused' | 'arrived' | 'unclear';

export type There = Readonly<{ presence: Located; arrival: ArrivalWord }>;

/** What is known besides. */
export type Known = Readonly<{
  /** A third host that speaks for the domain as its home, at a higher version than ours. */
  elsewhere?: string | null;
  /** That it runs here says nothing about there (`Settlement.guessed`). */
  guessed?: boolean | undefined;
  /** `Settlement.vouched`. */
  vouched?: boolean | undefined;
}>;

export type Resolution =
  /** `unknown`: nothing of it is here or can come to the target any more, and nobody can tell whether it ran there. */
  | Readonly<{ kind: 'moved' | 'stayed' | 'unknown'; detail: string }>
  /** The target has run it: end the paused copy and the definition that are left here. */
  | Readonly<{ kind: 'clear'; detail: string }>
  /** The target never ran it and never will: let the copy that is paused here run on. */
  | Readonly<{ kind: 'resume'; detail: string }>
  | Readonly<{
      kind: 'wait';
      detail: string;
      alarm: boolean;
      /** The target is to see to it that the domain does not arrive any more, and to say so. */
      giveUp?: true;
      /**
       * Both hypervisors say that they do not know it. When that lasts, there is nothing to wait for, and this is how it
       * ended: it stayed, and has gone since, where the target has refused it for good.
       */
      nowhere?: 'stayed' | 'unknown';
    }>;

/**
 * How a migration ended, from what both hypervisors and the target's journal say now. The source owns the
 * domain until the target has run it (the ownership table in the libvirt practice notes). In doubt: wait.
 *
 *   here                   there                        what follows
 *   running                not running                  stayed
 *   running by a guess     unreachable                  alarm: it may run there as well
 *   running                running                      alarm
 *   running                has run                      moved: somebody brought it back
 *   running                arriving                     the target is asked to give it up
 *   paused, absent         running, not yet taken in    wait: the target is about to say how it came
 *   paused by migration    has run                      clear what is left here, then moved
 *   paused by migration    will never run it (proven)   resume, then stayed
 *   paused by migration    arriving, absent             the target is asked to give it up
 *   paused by migration    cannot prove, unreachable    hold it paused, alarm; with an operator's word: resume, then stayed
 *   absent                 has run                      clear the definition, then moved
 *   absent                 running, though refused      stayed: it came there in another way
 *   absent                 running, cannot tell how     it is not known whether it moved
 *   absent                 anything else                see `absentHere`
 *
 * `here` is what the home's libvirt says, `there` what the target said (null: it cannot be asked).
 */
export function resolve(
  here: DomainPresence,
  there: There | null,
  { elsewhere = null, guessed = false, vouched = false }: Known = {},
): Resolution {
  switch (here.state) {
    case 'running':
      if (there?.presence === 'running')
        return wait('both hosts say that the domain is running', true);
      // Somebody resumed it by hand, or its libvirt did: nothing may come of what waits there.
      if (there?.presence === 'arriving' && there.arrival === 'open')
        return {
          ...wait(
            'it runs here, and a copy at the target waits: the target is asked to give it up',
            false,
          ),
          giveUp: true,
        };
      // It came back by hand: that is another story.
      if (there?.arrival === 'arrived')
        return { kind: 'moved', detail: 'it has run at the target since' };
      if (guessed && !vouched && there === null)
        return wait('it runs here, and may run at the target, which cannot be asked', true);
      // The source runs it, so the target cannot: QEMU hands over once, and a paused arrival is killed.
      return { kind: 'stayed', detail: 'the domain still runs at its home' };
    case 'migrating-out':
      return wait('the migration is still under way', false);
    case 'absent':
      return absentHere(here.defined, there, elsewhere);
    case 'arriving':
      return wait('the domain is arriving where it should be leaving', true);
    case 'paused':
      return here.byMigration ? pausedHere(there, vouched) : pausedByHand(there);
  }
}

function absentHere(defined: boolean, there: There | null, elsewhere: string | null): Resolution {
  if (there?.arrival === 'arrived') {
    // Also where it does not run there any more: it may have gone on, and a definition that starts by itself with the
    // host would be a second copy. Who brought it back and shut it down while this agent was away finds it in the log.
    if (defined)
      return { kind: 'clear', detail: 'the target has run it; its definition here is taken away' };
    return {
      kind: 'moved',
      detail: there.presence === 'running' ? 'the target is running it' : 'the target has run it',
    };
  }
  if (there?.presence === 'running') return runsThere(there);
  if (!defined && elsewhere !== null && there !== null) return goneOn(there, elsewhere);
  if (there === null) return wait('gone from here, and the target cannot be asked', true);
  // What the target holds then may be the last there is of it: nothing of ours ends or starts it.
  if (there.presence !== 'absent') return wait('gone from here, and paused at the target', true);
  return defined
    ? { kind: 'stayed', detail: 'the domain is shut off at its home and absent at the target' }
    : {
        ...wait('neither host knows the domain', true),
        nowhere: there.arrival === 'refused' ? 'stayed' : 'unknown',
      };
}

/** The target runs it. Whether this migration brought it there, or another one, or somebody by hand, only its journal tells. */
function runsThere({ arrival }: There): Resolution {
  switch (arrival) {
    case 'refused':
      return {
        kind: 'stayed',
        detail: 'it never ran at the target by this migration, and came there in another way',
      };
    case 'unclear':
      return {
        kind: 'unknown',
        detail: 'the target runs it, and cannot tell whether this migration brought it there',
      };
    default:
      return takingIn;
  }
}

/**
 * A third host runs it by now. It may have gone there by way of the target, or by hand before it ever left here: the
 * target can tell, once nothing can arrive there by this settlement any more.
 */
function goneOn({ arrival }: There, elsewhere: string): Resolution {
  switch (arrival) {
    case 'refused':
      return {
        kind: 'stayed',
        detail: `it never ran at the target, and runs on ${elsewhere} by now`,
      };
    case 'unclear':
      return {
        kind: 'unknown',
        detail: `it runs on ${elsewhere} by now, and the target cannot tell whether it ran there`,
      };
    default:
      return {
        ...wait(
          `it runs on ${elsewhere} by now: the target is asked to give up what may arrive`,
          false,
        ),
        giveUp: true,
      };
  }
}

/** Perform-done: the memory is sent, the source is paused, and somebody else has to decide. */
function pausedHere(there: There | null, isVouched: boolean): Resolution {
  const isUntold = there === null || (there.presence === 'absent' && there.arrival === 'unclear');
  if (isVouched && isUntold)
    return { kind: 'resume', detail: 'an operator says that it does not run at the target' };
  if (there === null)
    return wait('paused here, and the target cannot be asked: it is held paused', true);
  if (there.arrival === 'arrived')
    return { kind: 'clear', detail: 'the target has run it; its paused copy here is ended' };
  switch (there.presence) {
    case 'running':
      if (there.arrival === 'open') return takingIn;
      if (there.arrival === 'unclear') return unclear('paused here');
      return wait('paused here, and running at the target, where it came in another way', true);
    case 'absent':
      if (there.arrival === 'refused')
        return { kind: 'resume', detail: 'the target never ran it and gave it up for good' };
      if (there.arrival === 'unclear') return unclear('paused here');
      return { ...wait('paused here: the target is asked to give it up', false), giveUp: true };
    case 'arriving':
      return {
        ...wait('paused on both sides: the target is asked to give it up', false),
        giveUp: true,
      };
    default:
      return wait('paused here, and paused at the target for another reason', true);
  }
}

/** An administrator, or the machine, paused it: whatever is decided, it is not resumed and not ended. */
function pausedByHand(there: There | null): Resolution {
  if (there === null) return wait('paused here by hand, and the target cannot be asked', true);
  if (there.arrival === 'arrived')
    return wait('the target has run it; its copy here, paused by hand, must not be resumed', true);
  if (there.presence === 'running' || there.presence === 'paused')
    return wait('paused here by hand, and not absent at the target', true);
  if (there.presence === 'absent' && there.arrival === 'refused')
    return { kind: 'stayed', detail: 'it is at its home, paused there by hand' };
  if (there.arrival === 'unclear') return unclear('paused here by hand');
  return { ...wait('paused here by hand: the target is asked to give it up', false), giveUp: true };
}

/** It may have come by this migration or in another way: the target says so once it has measured itself. */
const takingIn: Resolution = {
  kind: 'wait',
  detail: 'the target runs it, and has not said yet how it came there',
  alarm: false,
};

/** It is asked for on and on: somebody may come to know. */
function unclear(here: string): Resolution {
  const detail = `${here}, and the target cannot tell whether it ran there`;
  return { ...wait(detail, true), giveUp: true };
}

function wait(detail: string, alarm: boolean): Resolution & { kind: 'wait' } {
  return { kind: 'wait', detail, alarm };
}
