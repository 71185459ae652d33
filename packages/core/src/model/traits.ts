/** What a domain is and needs. */

import type { DomainTraits } from './model.ts';
import { isSamePolicy } from './policy.ts';

/** Whether a domain is and needs the same as before. */
export function isSameTraits(one: DomainTraits, other: DomainTraits): boolean {
  if (one === other) return true;
  return (
    one.name === other.name &&
    one.memoryBytes === other.memoryBytes &&
    one.vcpus === other.vcpus &&
    one.cpu === other.cpu &&
    one.dirtyBytesPerSecond === other.dirtyBytesPerSecond &&
    one.migrationBytes === other.migrationBytes &&
    isSamePolicy(one.policy, other.policy)
  );
}
