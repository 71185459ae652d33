/**
 * What two hosts would save by sharing their load better, from load summaries alone: the part of an
 * estimate that has nothing to do with who talks to whom.
 *
 * A load is shared by handing some of it over. Whoever has too much knows of what, and the other one knows nothing of
 * it, so an estimate counts what this host hands over, and a bound of both books what either does. The most that is
 * saved is saved by one of the two, so the estimates of both together count all of it.
 */

import {
  type CostParameters,
  type ExcessCurve,
  excess,
  type HostOnCost,
  hostCost,
  hostOnCost,
  OVER_LIMIT_BITS_PER_SECOND_PER_BYTE,
  OVER_LIMIT_BITS_PER_SECOND_PER_VCPU,
  totalCost,
} from '../model/cost.ts';
import type { HostCapacity, HostLoad } from '../model/model.ts';

/** A host's load and what it has. */
export type LoadedHost = Readonly<{ capacity: HostCapacity; load: HostLoad }>;

/** What a deal may change of the loads of two hosts, as far as that is known. */
export type Shift = Readonly<{
  /** Traffic between the two hosts: all of it may vanish from both uplinks. */
  betweenBitsPerSecond: number;
  /** Memory changes hands in multiples of this (`commonStep`); 0 = in any amount. */
  stepBytes: number;
}>;

/** Who hands load over: this host alone, or whichever of the two has more. */
export type HandsOver = 'own' | 'either';

/** What handing own load over to the other host, or emptying one of them into the other, would save; bit/s. */
export function relief(
  own: LoadedHost,
  other: LoadedHost,
  parameters: CostParameters,
  { betweenBitsPerSecond, stepBytes }: Shift,
): number {
  return (
    nicRelief(own, other, parameters, betweenBitsPerSecond, 'own') +
    cpuRelief(own, other, parameters, 'own') +
    memoryRelief(own, other, parameters, stepBytes, 'own') +
    (parameters.hostOn ? packing(own, other, parameters.hostOn) : 0)
  );
}

/** Whether a host might save anything by handing load over that is not between the two. */
export function hasTooMuch(own: LoadedHost, parameters: CostParameters): boolean {
  const ofItself = totalCost(hostCost(own.load, own.capacity, parameters));
  return parameters.hostOn !== undefined || ofItself > 0;
}

export function nicRelief(
  own: LoadedHost,
  other: LoadedHost,
  { nic, nicReferenceBitsPerSecond }: CostParameters,
  betweenBitsPerSecond: number,
  handsOver: HandsOver,
): number {
  const uplink = ({ load, capacity }: LoadedHost): Load => ({
    amount: load.nicBitsPerSecond,
    capacity: nicReferenceBitsPerSecond ?? capacity.nicBitsPerSecond,
  });
  const vanishing = betweenBitsPerSecond;
  return evened(nic, uplink(own), uplink(other), { vanishing, step: 0, handsOver });
}

export function cpuRelief(
  own: LoadedHost,
  other: LoadedHost,
  { cpu }: CostParameters,
  handsOver: HandsOver,
): number {
  const cores = ({ load, capacity }: LoadedHost): Load => ({
    amount: load.cpu,
    capacity: capacity.vcpus,
  });
  return evened(cpu, cores(own), cores(other), { vanishing: 0, step: 0, handsOver });
}

export function memoryRelief(
  own: LoadedHost,
  other: LoadedHost,
  { memory }: CostParameters,
  stepBytes: number,
  handsOver: HandsOver,
): number {
  const held = ({ load, capacity }: LoadedHost): Load => ({
    amount: load.memoryBytes,
    capacity: capacity.memoryBytes,
  });
  return evened(memory, held(own), held(other), { vanishing: 0, step: stepBytes, handsOver });
}

type Load = Readonly<{ amount: number; capacity: number }>;

/**
 * The most that two hosts save by shifting a load between them, by whole steps or (0) by any amount. What they cost
 * together is convex and piecewise linear in what is shifted, so it is least where a curve has a knee, or one step
 * beside it. A host of 15 equal VMs and one of 14 have nothing to even out, though half a VM would even it.
 */
function evened(
  curve: ExcessCurve,
  own: Load,
  other: Load,
  {
    vanishing,
    step,
    handsOver,
  }: Readonly<{ vanishing: number; step: number; handsOver: HandsOver }>,
): number {
  const now = excess(curve, own.amount, own.capacity) + excess(curve, other.amount, other.capacity);
  // Nearly always: neither has too much.
  if (now === 0) return 0;
  const [ours, theirs] = [own.amount - vanishing, other.amount - vanishing];
  const after = (shifted: number): number =>
    excess(curve, ours - shifted, own.capacity) + excess(curve, theirs + shifted, other.capacity);
  let least = Math.min(now, after(0));
  for (const { above } of curve.hinges) {
    for (const shifted of [ours - above * own.capacity, above * other.capacity - theirs]) {
      if (shifted < 0 && handsOver === 'own') continue;
      if (step === 0) least = Math.min(least, after(shifted));
      else {
        const steps = Math.floor(shifted / step);
        least = Math.min(least, after(steps * step), after((steps + 1) * step));
      }
    }
  }
  return now - least;
}

/**
 * The greatest common divisor of the sizes of some claims: whichever of them change hands, what a host holds changes
 * by a multiple of it. 0 where there is none (no claims, or sizes that are no whole bytes).
 */
export function commonStep(sizesBytes: Iterable<number>): number {
  let step = 0;
  for (const sizeBytes of sizesBytes) {
    if (!Number.isSafeInteger(sizeBytes)) return 0;
    for (let rest = sizeBytes; rest > 0; ) [step, rest] = [rest, step % rest];
  }
  return step;
}

/** What may leave a host, all together. */
export type Leaving = Readonly<{ memoryBytes: number; vcpus: number }>;

/**
 * The most that a host above its limits saves by shedding to the other one: what it has too much, as far as that
 * may leave and the other has room.
 */
export function shedding(own: LoadedHost, other: LoadedHost, leaving: Leaving): number {
  const shed = (most: number, above: number, room: number): number =>
    Math.max(0, Math.min(most, above, room));
  return (
    OVER_LIMIT_BITS_PER_SECOND_PER_BYTE *
      shed(
        leaving.memoryBytes,
        own.load.memoryBytes - own.capacity.memoryLimitBytes,
        other.capacity.memoryLimitBytes - other.load.memoryBytes,
      ) +
    OVER_LIMIT_BITS_PER_SECOND_PER_VCPU *
      shed(
        leaving.vcpus,
        own.load.vcpus - own.capacity.vcpuLimit,
        other.capacity.vcpuLimit - other.load.vcpus,
      )
  );
}

/** What it saves to pack the emptier host's claims onto the fuller one, as far as they fit. */
function packing(own: LoadedHost, other: LoadedHost, cost: HostOnCost): number {
  const hosts = [own, other].sort((a, b) => a.load.memoryBytes - b.load.memoryBytes);
  const [emptier, fuller] = hosts;
  if (!emptier || !fuller || emptier.load.vcpus <= 0 || fuller.load.vcpus <= 0) return 0;
  const room = Math.max(0, fuller.capacity.memoryLimitBytes - fuller.load.memoryBytes);
  const moved = Math.min(room, emptier.load.memoryBytes);
  const at = ({ load, capacity }: LoadedHost, memoryBytes: number, vcpus: number): number =>
    hostOnCost(cost, vcpus, load.memoryBytes + memoryBytes, capacity.memoryLimitBytes);
  const left = moved < emptier.load.memoryBytes ? emptier.load.vcpus : 0;
  const saved =
    at(emptier, 0, emptier.load.vcpus) +
    at(fuller, 0, fuller.load.vcpus) -
    at(emptier, -moved, left) -
    at(fuller, moved, fuller.load.vcpus);
  return Math.max(0, saved);
}
