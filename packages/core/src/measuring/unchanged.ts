/**
 * What a measurement shows that was so before. It is kept as it was, the very same object, so that what follows from it
 * (what has lasted, the rows, whom to ask about partners) is worked out anew only where something is different: most
 * domains of most measurements are as they were a moment ago.
 */

import type { DomainSample } from '../model/model.ts';
import { isSamePolicy } from '../model/policy.ts';
import type { HostedDomain } from '../state.ts';

/**
 * Rates that differ by less than this share of what was taken in last are the same. Far less than any load that counts
 * as changed, and than what a partner sends less in the smoothing window in which it migrates.
 */
const share = 0.001;

type Rates = DomainSample['rates'];

/** The rates as they were before, if they still are. */
export function keptRates(before: Rates, now: Rates): Rates {
  const isSame =
    before.length === now.length &&
    now.every(({ address, bitsPerSecond }, n) => {
      const then = before[n];
      return (
        then?.address === address &&
        Math.abs(bitsPerSecond - then.bitsPerSecond) <= share * then.bitsPerSecond
      );
    });
  return isSame ? before : now;
}

/** The domain as it was before, if it still is; `now` has its kept rates. What counts of its CPU load comes later. */
export function keptDomain(before: HostedDomain, now: HostedDomain): HostedDomain {
  const [one, other] = [before.traits, now.traits];
  const isSame =
    before.rates === now.rates &&
    before.state === now.state &&
    before.blocked === now.blocked &&
    one.name === other.name &&
    one.memoryBytes === other.memoryBytes &&
    one.vcpus === other.vcpus &&
    one.cpu === other.cpu &&
    one.dirtyBytesPerSecond === other.dirtyBytesPerSecond &&
    one.migrationBytes === other.migrationBytes &&
    isSamePolicy(one.policy, other.policy) &&
    before.addresses.length === now.addresses.length &&
    before.addresses.every((address, n) => address === now.addresses[n]);
  return isSame ? before : now;
}
