/**
 * What a measurement shows that was so before. It is kept as it was, the very same object, so that what follows from it
 * (what has lasted, the rows, whom to ask about partners) is worked out anew only where something is different: most
 * domains of most measurements are as they were a moment ago.
 */

import type { DomainSample, HostCapacity } from '../model/model.ts';
import { isSameGuest } from '../model/traits.ts';
import type { HostedDomain } from '../state.ts';

/**
 * Rates that differ by less than this share of what was taken in last are the same. Far less than any load that counts
 * as changed, and than what a partner sends less in the smoothing window in which it migrates.
 */
const share = 0.001;

type Rates = DomainSample['rates'];

/** The rates as they were before, if they still are. */
export function keptRates(before: Rates, now: Rates): Rates {
  if (before === now || before.length !== now.length) return now;
  for (let n = 0; n < now.length; n++) {
    const [one, other] = [now[n], before[n]];
    if (one === undefined || one.address !== other?.address) return now;
    const rate = other.bitsPerSecond;
    if (!(Math.abs(one.bitsPerSecond - rate) <= share * rate)) return now;
  }
  return before;
}

/** What the host has as it was before, if it still has just that. */
export function keptCapacity(before: HostCapacity | undefined, now: HostCapacity): HostCapacity {
  const isSame =
    before !== undefined &&
    before.memoryBytes === now.memoryBytes &&
    before.memoryLimitBytes === now.memoryLimitBytes &&
    before.memoryTransientBytes === now.memoryTransientBytes &&
    before.vcpus === now.vcpus &&
    before.vcpuLimit === now.vcpuLimit &&
    before.nicBitsPerSecond === now.nicBitsPerSecond;
  return isSame ? before : now;
}

/** Whether the domain is as it was before, its rates aside. What counts of its CPU load comes later. */
export function isAsBefore(
  before: HostedDomain,
  now: DomainSample,
  migrationBytes: number,
  blocked: string | undefined,
): boolean {
  return (
    before.state === now.state &&
    before.blocked === blocked &&
    before.traits.migrationBytes === migrationBytes &&
    isSameGuest(before.traits, now.traits) &&
    isSameList(before.addresses, now.addresses)
  );
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return (
    one === other || (one.length === other.length && one.every((text, n) => text === other[n]))
  );
}
