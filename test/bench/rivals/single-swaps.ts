/**
 * Single moves and swaps: as S-CORE's rule, but where the best host is full, the domain may change places
 * with one that runs there. A move must gain more than what it costs, a swap more than both moves cost.
 *
 * Messages as for S-CORE, and four for a swap: propose, accept, commit, done.
 */

import { seededRandom, shuffle } from '../cluster.ts';
import { type Outcome, partnerHosts, Trace } from './outcome.ts';
import type { Placement } from './placement.ts';

const roundsMax = 1_000;

type Choice = Readonly<{ net: number; host: number; other: number | undefined }>;

export function singleSwaps(
  placement: Placement,
  costOfMove: (domain: number) => number,
  seed: number,
): Outcome {
  const trace = new Trace(placement);
  const random = seededRandom(seed);
  const everybody = Array.from({ length: placement.domains }, (_, n) => n);
  for (let round = 1, busy = true; busy && round <= roundsMax; round++) {
    busy = false;
    for (const domain of shuffle(everybody, random)) {
      trace.messages += 1 + 2 * partnerHosts(placement, domain).size;
      const choice = best(placement, domain, costOfMove);
      if (!choice) continue;
      busy = true;
      trace.messages += choice.other === undefined ? 2 : 4;
      if (choice.other === undefined) placement.move(domain, choice.host);
      else placement.swap(domain, choice.other);
    }
    trace.note(round);
  }
  return trace.outcome();
}

function best(
  placement: Placement,
  domain: number,
  costOfMove: (domain: number) => number,
): Choice | undefined {
  let found: Choice | undefined;
  const consider = (net: number, host: number, other?: number): void => {
    if (net > (found?.net ?? 0)) found = { net, host, other };
  };
  const own = costOfMove(domain);
  for (let host = 0; host < placement.hosts; host++) {
    if (host === placement.at(domain)) continue;
    const gain = placement.moveGain(domain, host) - own;
    // Without a gain of its own, the same swap is found from the other side.
    if (gain <= 0) continue;
    if (placement.fits(domain, host)) consider(gain, host);
    for (const other of placement.on(host)) {
      if (!placement.swapFits(domain, other)) continue;
      consider(placement.swapGain(domain, other) - own - costOfMove(other), host, other);
    }
  }
  return found;
}
