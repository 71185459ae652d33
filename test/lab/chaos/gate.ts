/**
 * Which faults may be in force together. The limits are those of what is promised, not of what is dared: guests give a
 * connection up when their path is gone for too long, and a host whose processes are killed and frozen at once shows neither.
 */

import { type FaultKind, longestMs } from './plan.ts';

/** A fault that is in force, or was. */
export type Force = Readonly<{
  kind: FaultKind;
  host: string;
  beganAtMs: number;
  /** null while it lasts. */
  endedAtMs: number | null;
}>;

const atOnceMax = 3;
/** The others have to go on trading, or nothing is under way that could be hit. */
const hostsAtOnceMax = 2;
/** Beyond its own length, a path that was gone gets so long to be used again before the next is cut. */
const recoveryMs = 15_000;

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

/** Why a fault may not begin now, in a few words; null when it may. Times in ms of one clock. */
export function whyNotNow(
  kind: FaultKind,
  host: string,
  known: readonly Force[],
  nowMs: number,
): string | null {
  const inForce = known.filter(({ endedAtMs }) => endedAtMs === null);
  if (inForce.length >= atOnceMax) return 'enough is broken';
  const hosts = new Set([host, ...inForce.map((force) => force.host)]);
  if (hosts.size > hostsAtOnceMax) return 'enough hosts are broken';
  if (isLong(kind) && inForce.some((force) => isLong(force.kind)))
    return 'one host is away for long';
  const wanted = classes[kind];
  const same = inForce.find(
    (force) => force.host === host && classes[force.kind].some((one) => wanted.includes(one)),
  );
  if (same) return `${same.kind} is in force there`;
  if (!wanted.includes('path')) return null;
  const path = known.find(
    (force) => classes[force.kind].includes('path') && !hasHealed(force, nowMs),
  );
  return path ? `the guests recover from ${path.kind} on ${path.host}` : null;
}

function isLong(kind: FaultKind): boolean {
  return longestMs(kind) > 60_000;
}

/** TCP doubles its waiting: after an interruption it may be silent for as long again. */
function hasHealed({ beganAtMs, endedAtMs }: Force, nowMs: number): boolean {
  return endedAtMs !== null && nowMs >= endedAtMs + (endedAtMs - beganAtMs) + recoveryMs;
}
