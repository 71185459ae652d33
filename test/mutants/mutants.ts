/**
 * Known ways to break the core, one at a time. Each of them breaks a rule that the checkers of the fault simulation have to
 * notice.
 */

import { claimMutants } from './claims.ts';
import { dealMutants } from './deals.ts';
import type { Mutant } from './mutant.ts';
import { restartMutants } from './restart.ts';
import { settlementMutants } from './settlement.ts';

export const mutants: readonly Mutant[] = [
  ...restartMutants,
  ...dealMutants,
  ...claimMutants,
  ...settlementMutants,
];
