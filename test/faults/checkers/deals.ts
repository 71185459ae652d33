/**
 * A host is in one undecided deal at a time, a decision never changes once it is durable, and nobody commits
 * what the other side did not accept.
 */

import type { HostId, JournalRecord } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

const allowed: Readonly<Record<string, readonly string[]>> = {
  none: ['accepted', 'committed', 'aborted'],
  accepted: ['done', 'aborted', 'void'],
  committed: ['done', 'void'],
  done: [],
  aborted: [],
  void: [],
};

export function deals(scene: Scene): Checker {
  const name = 'deals';
  const changed = (host: HostId, record: JournalRecord & { kind: 'deal' }) => {
    const deal = record.value;
    if (deal === null) return;
    const records = scene.records(host);
    const before = records.get('deal', record.key)?.phase ?? 'none';
    const fail = (text: string): never => {
      throw new Violation(name, [deal.id], `${host}: ${text}`);
    };
    if (!allowed[before]?.includes(deal.phase))
      fail(`deal ${deal.id} was ${before} and is ${deal.phase} now`);
    if (deal.phase === 'accepted')
      for (const other of records.all('deal'))
        if (other.phase === 'accepted')
          fail(`accepts ${deal.id} while it has accepted ${other.id}`);
    if (deal.phase !== 'committed') return;
    const other = scene.records(deal.peer).get('deal', deal.id);
    if (other === undefined) fail(`commits ${deal.id}, which ${deal.peer} has never accepted`);
    const moves = (one: typeof deal) =>
      one.moves
        .map(({ claim, to, newVersion }) => `${claim.domain} v${newVersion} to ${to}`)
        .join(', ');
    if (other !== undefined && moves(other) !== moves(deal))
      fail(`commits ${moves(deal)}, and ${deal.peer} accepted ${moves(other)}`);
  };
  return {
    name,
    onEffect(host, effect) {
      if (effect.kind !== 'persist') return;
      for (const record of effect.records) if (record.kind === 'deal') changed(host, record);
    },
  };
}
