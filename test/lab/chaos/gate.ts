/**
 * Which faults may be in force together. The limits are those of what is promised, not of what is dared: guests give a
 * connection up when their path is gone for too long, and a host whose processes are killed and frozen at once shows neither.
 *
 * A guest in the middle of its hand-over runs nowhere until both ends can be asked, and waiting is right however long
 * that takes. So no state may arise in which nobody can decide for longer than TCP bears: one fault may meet a
 * hand-over, a second one does not begin there before it is decided, and one that by itself lasts longer than TCP bears
 * meets none, and has its host for itself.
 */

import type { Unsettled } from './lives.ts';
import { type FaultKind, isLong, settleMs } from './plan.ts';

/** A fault that is in force, or was. */
export type Force = Readonly<{
  kind: FaultKind;
  host: string;
  beganAtMs: number;
  /** null while it lasts. */
  endedAtMs: number | null;
}>;

/** A fault that wants to begin. */
export type Intent = Readonly<{
  kind: FaultKind;
  host: string;
  /** Whose migration it is aimed at; null = none. */
  guest: string | null;
}>;

/** What goes on when it wants to. Times in ms of one clock. */
export type Scene = Readonly<{
  known: readonly Force[];
  unsettled: readonly Unsettled[];
  nowMs: number;
}>;

const atOnceMax = 3;
/** The others have to go on trading, or nothing is under way that could be hit. */
const hostsAtOnceMax = 2;
/** Beyond its own length, a path that was gone gets so long to be used again before the next is cut. */
const recoveryMs = 15_000;
/** A guest that has stood still for longer is left to its agents: a clean hand-over takes a fraction of a second. */
export const handOverMs = 5_000;

type Class = 'process' | 'path' | 'network' | 'agent-disk' | 'libvirt-disk';

const classes: Readonly<Record<FaultKind, readonly Class[]>> = {
  'agent-killed': ['process'],
  'mover-killed': ['process'],
  'libvirtd-killed': ['process'],
  'agent-and-libvirtd-killed': ['process'],
  'host-frozen': ['process'],
  'host-frozen-beyond-leases': ['process'],
  'host-stalled': ['process', 'path'],
  'uplink-cut': ['network', 'path'],
  'uplink-cut-beyond-lease': ['network', 'path'],
  'management-cut': ['network'],
  'uplink-crawl': ['network', 'path'],
  'agent-disk-full': ['agent-disk'],
  'agent-disk-full-restart': ['agent-disk', 'process'],
  'libvirt-disk-full': ['libvirt-disk'],
};

/** Why a fault may not begin now, in a few words; null when it may. */
export function whyNotNow(intent: Intent, scene: Scene): string | null {
  return (
    enoughIsBroken(intent, scene) ??
    isBrokenAlready(intent, scene) ??
    isUndecided(intent, scene) ??
    isMigrating(intent, scene) ??
    isNotAlone(intent, scene) ??
    isRecovering(intent, scene)
  );
}

function enoughIsBroken({ kind, host }: Intent, { known }: Scene): string | null {
  const inForce = known.filter(({ endedAtMs }) => endedAtMs === null);
  if (inForce.length >= atOnceMax) return 'enough is broken';
  const hosts = new Set([host, ...inForce.map((force) => force.host)]);
  if (hosts.size > hostsAtOnceMax) return 'enough hosts are broken';
  const isAway = isLong(kind) && inForce.some((force) => isLong(force.kind));
  return isAway ? 'one host is away for long' : null;
}

function isBrokenAlready({ kind, host }: Intent, { known }: Scene): string | null {
  const wanted = classes[kind];
  const same = known.find(
    (force) =>
      force.endedAtMs === null &&
      force.host === host &&
      classes[force.kind].some((one) => wanted.includes(one)),
  );
  return same ? `${same.kind} is in force there` : null;
}

/** What is broken when the hand-over is met ends, at the latest, after the longest cut; what came on top of it would not. */
function isUndecided({ kind, host }: Intent, { unsettled, nowMs }: Scene): string | null {
  const patienceMs = isLong(kind) ? 0 : handOverMs;
  const doubt = unsettled.find(
    ({ hosts, stillSinceMs }) =>
      hosts.includes(host) && stillSinceMs !== null && nowMs - stillSinceMs >= patienceMs,
  );
  return doubt ? `${doubt.guest} stands still until it is decided there where it runs` : null;
}

/** Any migration may be about to hand over, but for the one whose moment was waited for. */
function isMigrating({ kind, host, guest }: Intent, { unsettled }: Scene): string | null {
  if (!isLong(kind)) return null;
  const other = unsettled.find((one) => one.hosts.includes(host) && one.guest !== guest);
  return other ? `${other.guest} migrates there` : null;
}

/** A long fault and another one neither overlap nor follow closely on one host, or on the two of a migration. */
function isNotAlone({ kind, host }: Intent, { known, unsettled, nowMs }: Scene): string | null {
  const bound = unsettled.filter(({ hosts }) => hosts.includes(host)).flatMap(({ hosts }) => hosts);
  const other = known.find(
    (force) =>
      (isLong(kind) || isLong(force.kind)) &&
      (force.host === host || bound.includes(force.host)) &&
      (force.endedAtMs === null || nowMs < force.endedAtMs + settleMs),
  );
  return other ? `${other.kind} on ${other.host} is in force, or was a moment ago` : null;
}

function isRecovering({ kind }: Intent, { known, nowMs }: Scene): string | null {
  if (!classes[kind].includes('path')) return null;
  const path = known.find(
    (force) => classes[force.kind].includes('path') && !hasHealed(force, nowMs),
  );
  return path ? `the guests recover from ${path.kind} on ${path.host}` : null;
}

/** TCP doubles its waiting: after an interruption it may be silent for as long again. */
function hasHealed({ beganAtMs, endedAtMs }: Force, nowMs: number): boolean {
  return endedAtMs !== null && nowMs >= endedAtMs + (endedAtMs - beganAtMs) + recoveryMs;
}
