/**
 * Trading stops by itself. When the faults have stopped no traffic changes any more, and every deal lowers the cost: a
 * claim that goes the same way between the same two hosts again and again is priced by two costs. A few times it may:
 * claims come home for other reasons than deals, and operators end what waits.
 */

import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

const timesMax = 12;

export function backAndForth({ cluster, facts }: Scene): Checker {
  const name = 'back-and-forth';
  const times = new Map<string, number>();
  let seen = 0;
  const went = (domains: readonly string[], from: string, to: string) => {
    for (const domain of domains) {
      const way = `${domain} ${from} ${to}`;
      const count = (times.get(way) ?? 0) + 1;
      times.set(way, count);
      if (count > timesMax)
        throw new Violation(
          name,
          [domain],
          `the claim on ${domain} goes from ${from} to ${to} for the ${count}th time since the faults stopped`,
        );
    }
  };
  return {
    name,
    look() {
      for (; seen < cluster.deals.length; seen++) {
        const deal = cluster.deals[seen];
        if (deal === undefined || facts.faultsEndedAtMs === undefined) continue;
        if (deal.atMs < facts.faultsEndedAtMs) continue;
        went(deal.give, deal.proposer, deal.responder);
        went(deal.take, deal.responder, deal.proposer);
      }
    },
  };
}
