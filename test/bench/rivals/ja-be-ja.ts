/**
 * Ja-Be-Ja (Rahimian et al., SASO 2013): every domain asks a few partners, and if that fails a few random
 * domains, and changes places with the one for which d(p, there)^α + d(q, here)^α, times the temperature,
 * most exceeds what both have now. Published parameters: α = 2, the temperature from 2 by 0.003 a round
 * down to 1; three partners and six random ones as in the authors' code.
 *
 * d(p, host) is the rate to partners on that host: hosts are the paper's colours, and rates its weights. By
 * `distance`, partners elsewhere count by how near they are (1 on the host, 0 farthest away), which the
 * paper does not have and which leaves less. The free room of a host takes part as a domain without
 * traffic, in its favour. It ends at temperature 1, once
 * nothing has changed for ten rounds, and after 1,000 rounds at the latest, as in the authors' code.
 *
 * Messages: question and answer with everybody it asks, four for a swap.
 */

import { seededRandom, shuffle } from '../cluster.ts';
import { type Outcome, Trace } from './outcome.ts';
import type { Placement } from './placement.ts';

export const jaBeJaParameters = {
  alpha: 2,
  temperature: 2,
  cooling: 0.003,
  partners: 3,
  others: 6,
  roundsMax: 1_000,
  quietRounds: 10,
} as const;

/** To change places with a domain, or to go where there is room. */
type Candidate = Readonly<{ host: number; other: number | undefined }>;

export function jaBeJa(
  placement: Placement,
  seed: number,
  utility: 'host' | 'distance' = 'host',
): Outcome {
  const { temperature: from, cooling, roundsMax, quietRounds } = jaBeJaParameters;
  const trace = new Trace(placement);
  const random = seededRandom(seed);
  const everybody = Array.from({ length: placement.domains }, (_, n) => n);
  const closeness = closenessOf(placement, utility);
  let temperature: number = from;
  for (let round = 1, quiet = 0; round <= roundsMax && quiet < quietRounds; round++) {
    const before = placement.steps.length;
    for (const domain of shuffle(everybody, random)) {
      const partners = draw(placement.neighbours[domain] ?? [], jaBeJaParameters.partners, random);
      const near = partners.map(([other]) => ({ host: placement.at(other), other }));
      trace.messages += 2 * near.length;
      let chosen = bestOf(placement, closeness, domain, near, temperature);
      if (!chosen) {
        const far = strangers(placement, jaBeJaParameters.others, random);
        trace.messages += 2 * far.length;
        chosen = bestOf(placement, closeness, domain, far, temperature);
      }
      if (!chosen) continue;
      trace.messages += 4;
      if (chosen.other === undefined) placement.move(domain, chosen.host);
      else placement.swap(domain, chosen.other);
    }
    trace.note(round);
    temperature = Math.max(1, temperature - cooling);
    quiet = temperature === 1 && placement.steps.length === before ? quiet + 1 : 0;
  }
  return trace.outcome();
}

/** Rate · closeness to everybody that the domain talks to, as if it were on that host. */
type Closeness = (domain: number, host: number, without: number | undefined) => number;

function closenessOf(placement: Placement, utility: 'host' | 'distance'): Closeness {
  let farthest = 0;
  for (let host = 0; host < placement.hosts; host++)
    farthest = Math.max(farthest, placement.distance(0, host));
  return (domain, host, without) => {
    let sum = 0;
    for (const [partner, rate] of placement.neighbours[domain] ?? []) {
      // Of two that change places, each finds the other where it came from.
      const at = partner === without ? placement.at(domain) : placement.at(partner);
      if (host === at) sum += rate;
      else if (utility === 'distance') sum += rate * (1 - placement.distance(host, at) / farthest);
    }
    return sum;
  };
}

function bestOf(
  placement: Placement,
  closeness: Closeness,
  domain: number,
  candidates: readonly Candidate[],
  temperature: number,
): Candidate | undefined {
  const { alpha } = jaBeJaParameters;
  const here = placement.at(domain);
  const own = closeness(domain, here, undefined) ** alpha;
  let best: Candidate | undefined;
  let most = 0;
  for (const candidate of candidates) {
    const { host, other } = candidate;
    if (host === here) continue;
    if (other === undefined ? !placement.fits(domain, host) : !placement.swapFits(domain, other))
      continue;
    let before = own;
    let after = closeness(domain, host, other) ** alpha;
    if (other !== undefined) {
      before += closeness(other, host, undefined) ** alpha;
      after += closeness(other, here, domain) ** alpha;
    }
    if (after * temperature > before && after > most) {
      most = after;
      best = candidate;
    }
  }
  return best;
}

function strangers(placement: Placement, count: number, random: () => number): Candidate[] {
  return Array.from({ length: count }, () => {
    // One ticket for each domain, and one for the free room of each host.
    const pick = Math.floor(random() * (placement.domains + placement.hosts));
    return pick < placement.domains
      ? { host: placement.at(pick), other: pick }
      : { host: pick - placement.domains, other: undefined };
  });
}

function draw<Item>(items: readonly Item[], count: number, random: () => number): readonly Item[] {
  return items.length <= count ? items : shuffle(items, random).slice(0, count);
}
