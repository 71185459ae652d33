/** How domains leave where no mover carries them: for suites that bring pipes of their own. Nothing waits, nothing is guessed. */

import type { DepartureWay } from '@barter/agent/mover/departures.ts';

export const noMovers: DepartureWay = {
  isHeld: async () => false,
  isGuarded: async () => true,
  close: async () => false,
  kill: async () => false,
};
