/**
 * What two hosts would save by sharing their load better, from load summaries alone: the part of an
 * estimate that has nothing to do with who talks to whom.
 */

import {
  type CostParameters,
  excess,
  type HostOnCost,
  hostOnCost,
  OVER_LIMIT_BITS_PER_SECOND_PER_BYTE,
  OVER_LIMIT_BITS_PER_SECOND_PER_VCPU,
} from '../model/cost.ts';
import type { HostCapacity, HostLoad } from '../model/model.ts';

/** A host's load and what it has. */
export type LoadedHost = Readonly<{ capacity: HostCapacity; load: HostLoad }>;

/**
 * What evening out the loads of the two hosts, or emptying one of them into the other, would save. Of the
 * traffic between the two, `betweenBitsPerSecond`, all may vanish from both uplinks.
 */
export function relief(
  own: LoadedHost,
  other: LoadedHost,
  parameters: CostParameters,
  betweenBitsPerSecond = 0,
): number {
  const { nic, cpu, memory, nicReferenceBitsPerSecond: reference, hostOn } = parameters;
  const [a, b] = [own.capacity, other.capacity];
  return (
    evened(
      nic,
      own.load.nicBitsPerSecond,
      reference ?? a.nicBitsPerSecond,
      other.load.nicBitsPerSecond,
      reference ?? b.nicBitsPerSecond,
      betweenBitsPerSecond,
    ) +
    evened(cpu, own.load.cpu, a.vcpus, other.load.cpu, b.vcpus) +
    evened(memory, own.load.memoryBytes, a.memoryBytes, other.load.memoryBytes, b.memoryBytes) +
    (hostOn ? packing(own, other, hostOn) : 0)
  );
}

/** What two hosts save by sharing one load by what they have of it. */
function evened(
  curve: CostParameters['nic'],
  ownLoad: number,
  ownCapacity: number,
  otherLoad: number,
  otherCapacity: number,
  vanishing = 0,
): number {
  const own = excess(curve, ownLoad, ownCapacity);
  const other = excess(curve, otherLoad, otherCapacity);
  // Nearly always: neither has too much.
  if (own === 0 && other === 0) return 0;
  const left = Math.max(0, ownLoad + otherLoad - 2 * vanishing);
  const share = left / (ownCapacity + otherCapacity);
  const saved =
    own -
    excess(curve, share * ownCapacity, ownCapacity) +
    other -
    excess(curve, share * otherCapacity, otherCapacity);
  return Math.max(0, saved);
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
