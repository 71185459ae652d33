/** Broken starts, and what has to be on disk before it is said: what a host knows of itself afterwards. */

import { type Mutant, one } from './mutant.ts';

export const restartMutants: readonly Mutant[] = [
  one(
    'send before persist',
    'state.ts',
    ": [{ kind: 'persist', records: this.#records }, ...this.#effects];",
    ": [...this.#effects, { kind: 'persist', records: this.#records }];",
  ),
  one(
    'forget reservations on restart',
    'host.ts',
    "    case 'reservation':\n      state.reservations.set(record.value.settlement, record.value);",
    "    case 'reservation':",
  ),
  one(
    'forget deals on restart',
    'host.ts',
    "    case 'deal':\n      enterDeal(state, record.value);",
    "    case 'deal':",
  ),
  one(
    'forget the register on restart',
    'host.ts',
    "    case 'home':\n      state.homes.set(record.value.domain, record.value);",
    "    case 'home':",
  ),
  one(
    'let the lease of kept room end at its old time after a restart',
    'restarting.ts',
    '      leaseExpiresAtMs: nowMs + timing.settleLeaseMs,\n',
    '',
  ),
  one(
    'forget ended deals at their old time after a restart',
    'restarting.ts',
    'expiresAtMs: nowMs, endedAtMs: nowMs };',
    'expiresAtMs: nowMs };',
  ),
];
