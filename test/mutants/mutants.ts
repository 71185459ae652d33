/**
 * Known ways to break the core, one at a time: exact text of its source, and what stands there instead. Each of
 * them breaks a rule that the checkers of the fault simulation have to notice.
 */

export type Edit = Readonly<{
  /** In `packages/core/src`. */
  file: string;
  /** Must be there exactly once: a mutant whose source has changed has to be written anew. */
  original: string;
  broken: string;
}>;

export type Mutant = Readonly<{ name: string; edits: readonly Edit[] }>;

const one = (name: string, file: string, original: string, broken: string): Mutant => ({
  name,
  edits: [{ file, original, broken }],
});

export const mutants: readonly Mutant[] = [
  one(
    'send before persist',
    'state.ts',
    ": [{ kind: 'persist', records: this.#records }, ...this.#effects];",
    ": [...this.#effects, { kind: 'persist', records: this.#records }];",
  ),
  one(
    'accept a settle message for an old version',
    'settlement/sending.ts',
    'if (entry.holder !== from || entry.version !== version)',
    'if (entry.holder !== from || entry.version < version)',
  ),
  one(
    'settle for anybody',
    'settlement/sending.ts',
    'if (entry.holder !== from || entry.version !== version)',
    'if (entry.version !== version)',
  ),
  {
    name: 'skip the second policy check at settlement',
    edits: [
      {
        file: 'settlement/sending.ts',
        original: "if (policy.frozen) return { reason: 'policy'",
        broken: "if (policy.frozen && nowMs < 0) return { reason: 'policy'",
      },
      {
        file: 'settlement/sending.ts',
        original: 'if (policy.pin !== undefined &&',
        broken: 'if (nowMs < 0 && policy.pin !== undefined &&',
      },
      {
        file: 'measuring/sampling.ts',
        original: 'if (entry.settlement === null) takeBack(',
        broken: 'if (entry.settlement === null && turn.nowMs < 0) takeBack(',
      },
    ],
  },
  one(
    'let a holder go on by an old policy',
    'measuring/sampling.ts',
    'if (entry.settlement === null) takeBack(',
    'if (entry.settlement === null && turn.nowMs < 0) takeBack(',
  ),
  one(
    'call the first of a keep-together group to where there is room for it alone',
    'settlement/group-room.ts',
    'if (own !== undefined && !fits(own, free))',
    'if (own !== undefined && !fits(own, free) && own.domains < 0)',
  ),
  one(
    'do not look who is there before calling a domain that is to be kept apart',
    'settlement/calling.ts',
    'return (groups.get(keepApart) ?? 0) > 0;',
    'return (groups.get(keepApart) ?? 0) > 99;',
  ),
  one(
    'release kept room before its lease has ended',
    'settlement/receiving.ts',
    'const expired = nowMs >= reservation.leaseExpiresAtMs;',
    'const expired = nowMs >= reservation.leaseExpiresAtMs - state.config.timing.settleLeaseMs / 2;',
  ),
  one(
    'release room at the end of its lease although something may be arriving',
    'settlement/receiving.ts',
    "if (presence.state !== 'absent') return;",
    "if (presence.state !== 'running') return release(turn, reservation, 'nothing runs here');",
  ),
  one(
    'let a refusal that was overtaken release room',
    'settlement/receiving.ts',
    "      if (reservation.phase !== 'asking') return;\n      release(",
    '      release(',
  ),
  one(
    'let a domain arrive whose room was given up when its lease ended',
    'settlement/receiving.ts',
    'if (reservation === undefined || reservation.home !== from || reservation.domain !== domain)\n    return undefined;',
    'if (reservation === undefined) return { expiresAtMs: nowMs + 1, memoryBytes: 0 };\n  if (reservation.home !== from || reservation.domain !== domain) return undefined;',
  ),
  one(
    'do not count kept room',
    'settlement/reserving.ts',
    '    bytes += reservation.traits.memoryBytes;\n',
    '',
  ),
  one(
    'do not hold room for an accepted deal',
    'trading/answering.ts',
    '  if (undecided !== undefined) {\n    const yields',
    "  if (undecided !== undefined && undecided.phase === 'proposed') {\n    const yields",
  ),
  one(
    'guess that a migration stayed when nobody saw its end',
    'settlement/ending.ts',
    "    case 'unknown':\n      toResolving(turn, settlement, result.detail, result.guessed);",
    "    case 'unknown':\n      finish(turn, settlement, false, result.detail);",
  ),
  one(
    'guess that a migration succeeded when nobody saw its end',
    'settlement/ending.ts',
    "    case 'unknown':\n      toResolving(turn, settlement, result.detail, result.guessed);",
    "    case 'unknown':\n      finish(turn, settlement, true, result.detail);",
  ),
  one(
    'take a copy that was left paused for the domain running on',
    'settlement/settlement.ts',
    "return { ...wait('paused here: the target is asked to give it up', false), giveUp: true };",
    "return { kind: 'stayed', detail: 'paused here' };",
  ),
  one(
    'resume after Perform-done without proof',
    'settlement/settlement.ts',
    "      if (there.arrival === 'refused')\n        return { kind: 'resume'",
    "      if (there.arrival !== 'unclear')\n        return { kind: 'resume'",
  ),
  one(
    'resume after Perform-done although the target cannot be asked',
    'settlement/settlement.ts',
    "    return wait('paused here, and the target cannot be asked: it is held paused', true);",
    "    return { kind: 'resume', detail: 'the target cannot be asked' };",
  ),
  one(
    'say that an arrival is given up for good before anything was done about it',
    'settlement/refusing.ts',
    "whileRunning(turn, settlement) : 'open';",
    "whileRunning(turn, settlement) : 'refused';",
  ),
  one(
    'say that an arrival was refused although it may have run',
    'settlement/refusing.ts',
    "const isCertain = outcome === 'refused' ||",
    "const isCertain = outcome !== 'running' ||",
  ),
  one(
    'end the paused copy although the target never ran it',
    'settlement/settlement.ts',
    "return { kind: 'resume', detail: 'the target never ran it and gave it up for good' };",
    "return { kind: 'clear', detail: 'the target never ran it and gave it up for good' };",
  ),
  one(
    'decide what becomes of a copy that was left without writing it down',
    'settlement/ending.ts',
    'setSettlement(turn, { ...settlement, decided: kind,',
    'turn.state.settlements.set(id, { ...settlement, decided: kind,',
  ),
  one(
    'leave the definition of a domain where it ran',
    'settlement/settlement.ts',
    "return { kind: 'clear', detail: 'the target has run it; its definition here is taken away' };",
    "return { kind: 'moved', detail: 'the target has run it' };",
  ),
  one(
    'give up room before what has come is ended',
    'settlement/receiving.ts',
    "if (reservation.phase === 'asking' || reservation.phase === 'arriving')\n          refuse(turn, reservation, message.detail);",
    'release(turn, reservation, message.detail);',
  ),
  one(
    'begin a second migration while the first is in doubt',
    'settlement/sending.ts',
    'if (entry.settlement !== null) return inDoubt(',
    'if (entry.settlement !== null && nowMs < 0) return inDoubt(',
  ),
  one(
    'do not ask after a restart how a migration ended',
    'settlement/sending.ts',
    "if (settlement.phase === 'migrating') toResolving(turn, settlement, 'the agent restarted');",
    '',
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
    'move a domain again before it has cooled down',
    'claims/book.ts',
    'if (entry.movedAtMs !== null && entry.movedAtMs + timing.cooldownMs > nowMs)',
    'if (entry.movedAtMs !== null && nowMs < 0)',
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
  one('keep no receipt of what arrived', 'settlement/reserving.ts', 'turn.file({', 'void ({'),
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
  one(
    'wait for a target that is gone for ever, whatever an operator says',
    'settlement/target-gone.ts',
    "finish(turn, settlement, null, 'an operator",
    "if (turn.nowMs < 0) finish(turn, settlement, null, 'an operator",
  ),
  one(
    'forget what has arrived once it has gone on',
    'settlement/refusing.ts',
    'return turn.state.endedArrivals.get(settlement)?.ended ?? otherwise;',
    'return otherwise;',
  ),
  one(
    'leave a claim away from home although its domain may not leave',
    'settlement/sending.ts',
    "      (reason === 'policy' || reason === 'blocked')\n    )\n      takeBack(",
    "      (reason === 'policy' || reason === 'blocked') &&\n      turn.nowMs < 0\n    )\n      takeBack(",
  ),
  one(
    'let migrations that wait for an operator stop all others',
    'settlement/sending.ts',
    '(settlement) => isUnderWay(settlement) && settlement.unresolvedSinceMs === null,',
    '(settlement) => isUnderWay(settlement),',
  ),
  one(
    'keep room for what has arrived and gone for as long as its home answers',
    'settlement/receiving.ts',
    "      if (reservation.phase === 'arrived') return;\n      setReservation(turn, {\n        ...reservation,\n        phase: 'arrived',",
    "      setReservation(turn, {\n        ...reservation,\n        phase: 'arrived',",
  ),
  one(
    'wait for ever for a domain that neither host knows',
    'settlement/ending.ts',
    'if (resolution.nowhere && nowMs - sinceMs >=',
    'if (resolution.nowhere && -nowMs >=',
  ),
  one(
    'say that a domain moved to the target because a third host runs it',
    'settlement/settlement.ts',
    '    default:\n      return {\n',
    "    default:\n      return { kind: 'moved', detail: elsewhere };\n      return {\n",
  ),
  one(
    'say that a domain moved to a target that had refused it because it runs there by now',
    'settlement/settlement.ts',
    "        kind: 'stayed',\n        detail: 'it never ran at the target by this migration,",
    "        kind: 'moved',\n        detail: 'it never ran at the target by this migration,",
  ),
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
