/** Broken claims: registers, leases, what is taken in about domains, and whom to trust. */

import { type Mutant, one } from './mutant.ts';

export const claimMutants: readonly Mutant[] = [
  one(
    'let a holder go on by an old policy',
    'measuring/sampling.ts',
    'if (entry.settlement === null) takeBack(',
    'if (entry.settlement === null && turn.nowMs < 0) takeBack(',
  ),
  one(
    'register a transfer from anybody',
    'claims/claim.ts',
    '    entry.holder !== from ||\n    version',
    '    version',
  ),
  one(
    'take a claim back without a new epoch',
    'claims/claim.ts',
    '    holder: self,\n    version: takeBackVersion(entry.version),',
    '    holder: self,\n    version: nextVersion(entry.version),',
  ),
  one(
    'begin versions anew when a domain comes back',
    'measuring/sampling.ts',
    '    state.formerVersions.get(domain) ?? 0,\n',
    '',
  ),
  one(
    'never take a claim back from a silent holder',
    'claims/leases.ts',
    "if (nowMs >= entry.leaseExpiresAtMs)\n      takeBack(turn, entry, 'its holder was silent for longer than the lease');",
    'if (nowMs >= entry.leaseExpiresAtMs) continue;',
  ),
  one(
    'move a domain again before it has cooled down',
    'claims/book.ts',
    'if (entry.movedAtMs !== null && entry.movedAtMs + timing.cooldownMs > nowMs)',
    'if (entry.movedAtMs !== null && nowMs < 0)',
  ),
  one(
    'trade a group of which some have come and others not',
    'claims/book.ts',
    'homes.size > 1 ? domains : []',
    'homes.size > 99 ? domains : []',
  ),
  one(
    'let the rest of a group go when one of it stays after all',
    'claims/coming-home.ts',
    'if (groupOf(turn, entry) !== group) continue;',
    'if (groupOf(turn, entry) !== group || turn.nowMs > 0) continue;',
  ),
  one(
    'let a holder renew a claim for ever that it never settles',
    'claims/leases.ts',
    '|| !isIdle(state, entry, nowMs)) continue;',
    '|| nowMs > 0) continue;',
  ),
  one(
    'give a claim at once again to a holder that never called its domain',
    'claims/offering.ts',
    'const isKept = peer !== undefined &&',
    'const isKept = peer !== undefined && nowMs < 0 &&',
  ),
  one(
    'distrust a peer whose answer was lost',
    'credibility/ledger.ts',
    'unanswered: 8,',
    'unanswered: 1,',
  ),
  one(
    'distrust whoever has room and finds nothing to gain',
    'credibility/promise.ts',
    'return sparesBitsPerSecond - (cost(after) - cost(load));',
    'return sparesBitsPerSecond + 1e12;',
  ),
];
