/** Claims that a host holds away from home, confirmed and ready to be settled unless a test says otherwise. */

import type { Holding } from '../../src/claims/claim.ts';
import type { DomainTraits, TrafficRow } from '../../src/model/model.ts';
import { domainId, GIB, hostId, traits } from './world.ts';

/** One of a domain of this name at `home`, held by `here`; by default of a GiB, with nobody to talk to. */
export function holdingOf(
  name: string,
  home: string,
  its: Partial<DomainTraits> = {},
  row: TrafficRow = [],
): Holding {
  const claim = {
    domain: domainId(name),
    home: hostId(home),
    holder: hostId('here'),
    version: 2,
  };
  return {
    claim,
    traits: traits({ name, memoryBytes: GIB, migrationBytes: GIB, ...its }),
    row,
    deal: 'deal' as never,
    acquiredAtMs: 0,
    leaseExpiresAtMs: Number.MAX_SAFE_INTEGER,
    confirmed: true,
    givenTo: null,
    settleNotBeforeMs: 0,
    waiting: '',
  };
}
