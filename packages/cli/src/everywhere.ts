/** Orders that go to this host, or to every one that can be reached. */

import type { ActOptions } from './act.ts';
import type { Session } from './session.ts';

export type EverywhereOptions = ActOptions & Readonly<{ all?: true }>;

/** Who did what, and who was not reached; two lines at most. `did` begins the first. */
export function everywhereText(
  did: string,
  hosts: readonly string[],
  unreachable: readonly string[],
): string {
  const missed = unreachable.length > 0 ? `\nNot reached: ${unreachable.join(', ')}.` : '';
  return `${did}: ${hosts.join(', ') || 'nobody'}.${missed}`;
}

/** That some were not reached fails the command; `consequence` says what becomes of them and what to do. */
export function endUnreached(
  session: Session,
  unreachable: readonly string[],
  consequence: string,
): void {
  if (unreachable.length === 0) return;
  session.end({
    ok: false,
    code: 'unreachable',
    message: `${unreachable.length} of the hosts were not reached and ${consequence}`,
  });
}
