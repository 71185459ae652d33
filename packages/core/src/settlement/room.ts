/** What may still arrive at this host, as it tells others: beside what runs here, and what room is kept for. */

import type { HostCapacity, HostRoom } from '../model/model.ts';
import type { HostState } from '../state.ts';
import { committedMemoryBytes } from './reserving.ts';

export function roomNow(state: HostState, capacity: HostCapacity): HostRoom {
  // As many are arriving as may at a time, or are in doubt: whoever has to wait for them has no room.
  if (state.reservations.size >= state.config.migrationsAtOnce) return { memoryBytes: 0, vcpus: 0 };
  const { memoryBytes, vcpus } = freeRoom(state, capacity);
  return { memoryBytes: Math.max(0, memoryBytes), vcpus: Math.max(0, vcpus) };
}

/** The same for the next one, as it is: below zero where there is more than has room. */
export function freeRoom(state: HostState, capacity: HostCapacity): HostRoom {
  let vcpus = capacity.vcpuLimit;
  for (const { traits } of state.samples.values()) vcpus -= traits.vcpus;
  for (const { traits } of state.reservations.values()) vcpus -= traits.vcpus;
  return { memoryBytes: capacity.memoryTransientBytes - committedMemoryBytes(state), vcpus };
}
