/**
 * S-CORE's rule (Tso et al., ICDCS 2014): a token passes from domain to domain; the one that holds it moves to
 * the best host with room if that lowers the cost by more than what a migration costs, c_m. The token
 * goes round until nobody has moved in a whole round.
 *
 * Candidates are all hosts, which favours it: the paper looks only at the partners' hosts, nearest first.
 * Messages: the token; question and answer with each host of a partner; question, answer for the target.
 */

import { type Outcome, partnerHosts, Trace } from './outcome.ts';
import type { Placement } from './placement.ts';

/** A round in which nothing moves ends it; with a cost that falls at every move, one comes. */
const roundsMax = 1_000;

export function score(placement: Placement, costOfMove: (domain: number) => number): Outcome {
  const trace = new Trace(placement);
  for (let round = 1, busy = true; busy && round <= roundsMax; round++) {
    busy = false;
    for (let domain = 0; domain < placement.domains; domain++) {
      trace.messages += 1 + 2 * partnerHosts(placement, domain).size;
      const to = bestHost(placement, domain, costOfMove(domain));
      if (to === undefined) continue;
      trace.messages += 2;
      placement.move(domain, to);
      busy = true;
    }
    trace.note(round);
  }
  return trace.outcome();
}

function bestHost(placement: Placement, domain: number, atLeast: number): number | undefined {
  let best: number | undefined;
  let most = atLeast;
  const here = placement.at(domain);
  const costHere = placement.costAt(domain, here);
  // Nothing can be saved beyond what is paid now.
  if (costHere <= atLeast) return undefined;
  for (let host = 0; host < placement.hosts; host++) {
    if (host === here || !placement.fits(domain, host)) continue;
    const gain = costHere - placement.costAt(domain, host);
    if (gain > most) {
      most = gain;
      best = host;
    }
  }
  return best;
}
