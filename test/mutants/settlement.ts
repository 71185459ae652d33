/** Broken settlement: who may migrate what, when, and how it is found out what became of it. */

import { type Mutant, one } from './mutant.ts';

export const settlementMutants: readonly Mutant[] = [
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
  one('keep no receipt of what arrived', 'settlement/reserving.ts', 'turn.file({', 'void ({'),
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
];
