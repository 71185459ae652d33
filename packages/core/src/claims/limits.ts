/** By how much a host exceeds its hard limits. Why one that does has something to gain is in `cost.ts`. */

import type { HostCapacity, HostLoad } from '../model/model.ts';
import type { HostState } from '../state.ts';
import { paperLoad } from './book.ts';

/** What a load exceeds the limits by; 0 where it does not. */
export type Excess = Readonly<{ memoryBytes: number; vcpus: number }>;

export function excessOf(
  load: Pick<HostLoad, 'memoryBytes' | 'vcpus'>,
  { memoryLimitBytes, vcpuLimit }: HostCapacity,
): Excess {
  return {
    memoryBytes: Math.max(0, load.memoryBytes - memoryLimitBytes),
    vcpus: Math.max(0, load.vcpus - vcpuLimit),
  };
}

/** The same of the claims held here. */
export function aboveLimits(state: HostState): Excess {
  if (state.sample === null) return { memoryBytes: 0, vcpus: 0 };
  return excessOf(paperLoad(state), state.sample.capacity);
}

export function isAbove({ memoryBytes, vcpus }: Excess): boolean {
  return memoryBytes > 0 || vcpus > 0;
}
