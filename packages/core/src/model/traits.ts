/** What a domain is and needs. */

import type { DomainTraits } from './model.ts';
import { isSamePolicy } from './policy.ts';

/** Whether a domain is and needs the same as before. */
export function isSameTraits(one: DomainTraits, other: DomainTraits): boolean {
  if (one === other) return true;
  return one.migrationBytes === other.migrationBytes && isSameGuest(one, other);
}

/** The same, whatever a migration of it is expected to send. */
export function isSameGuest(
  one: Omit<DomainTraits, 'migrationBytes'>,
  other: Omit<DomainTraits, 'migrationBytes'>,
): boolean {
  return (
    one.name === other.name &&
    one.memoryBytes === other.memoryBytes &&
    one.vcpus === other.vcpus &&
    one.cpu === other.cpu &&
    one.dirtyBytesPerSecond === other.dirtyBytesPerSecond &&
    isSamePolicy(one.policy, other.policy)
  );
}
