/** Broken deals: what an exchange may hold, and what is promised, committed and remembered of it. */

import { type Mutant, one } from './mutant.ts';

export const dealMutants: readonly Mutant[] = [
  one(
    'do not hold room for an accepted deal',
    'trading/answering.ts',
    '  if (undecided !== undefined) {\n    const yields',
    "  if (undecided !== undefined && undecided.phase === 'proposed') {\n    const yields",
  ),
  one(
    'commit a claim that has changed since it was proposed',
    'trading/answering.ts',
    'if (!moves.every(isAsProposed))',
    'if (!moves.every(isAsProposed) && nowMs < 0)',
  ),
  one(
    'guess that a deal was committed when the decision does not come',
    'trading/deal.ts',
    "? enter(deal, 'void', nowMs, 'the proposer never said what it decided', ['void'])",
    "? enter(deal, 'done', nowMs, 'the proposer never said what it decided', ['void'])",
  ),
  one(
    'answer abort after having committed',
    'trading/deal.ts',
    "    default:\n      return send(deal, 'commit');\n",
    "    default:\n      return send(deal, 'abort');\n",
  ),
  one(
    'ignore keep-apart rules in an exchange',
    'exchange/groups.ts',
    'return zero > keepApartLimit(wasZero) || one > keepApartLimit(wasOne) ? 1 : 0;',
    'return zero > 99 + keepApartLimit(wasZero) || one > 99 + keepApartLimit(wasOne) ? 1 : 0;',
  ),
  one(
    'ignore keep-together rules in an exchange',
    'model/policy.ts',
    'return giver.after > taker.offered;',
    'return giver.after > 99 + taker.offered;',
  ),
  one(
    'draw one of a group to where another may be void by now',
    'model/policy.ts',
    'return giver.after > taker.offered;',
    'return giver.after > taker.before;',
  ),
  one(
    'trust a peer in what it holds of a group although this host knows better',
    'trading/answering.ts',
    'const theirs = trustedBook(state, message.book, deal.peer) ?? message.book;',
    'const theirs = message.book;',
  ),
  {
    name: 'ignore the memory limit of an exchange',
    edits: [
      {
        file: 'exchange/position.ts',
        original: 'at(this.memoryBytes, side) > at(this.memoryLimit, side) + ROUNDING_BYTES ||',
        broken: 'at(this.memoryBytes, side) > 4 * at(this.memoryLimit, side) + ROUNDING_BYTES ||',
      },
      {
        file: 'exchange/position.ts',
        original: 'at(this.memoryBytes, side) - at(this.memoryLimit, side);',
        broken: 'at(this.memoryBytes, side) - 4 * at(this.memoryLimit, side);',
      },
    ],
  },
  {
    name: 'take a claim that the own register cannot hold',
    edits: [
      {
        file: 'trading/answering.ts',
        original: 'if (!moves.every((move) => isOurs(move) ||',
        broken: 'if (nowMs < 0 && !moves.every((move) => isOurs(move) ||',
      },
      // What cannot be taken counts as not offered, besides.
      {
        file: 'trading/answering.ts',
        original: 'trustedBook(state, message.book, deal.peer) ?? message.book;',
        broken: 'message.book;',
      },
    ],
  },
];
