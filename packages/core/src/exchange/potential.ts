/**
 * What there may be to gain with one peer, from the own book alone: cheap, and high rather than low.
 * Agents draw the peer of their next proposal with these as weights; the exact gain comes later, when the
 * peer sees both books.
 *
 * A claim counts with what pulls it towards the peer, and not with what holds it here: whatever it
 * talks to on this host could come along in the same bundle. What pulls the peer's claims hither is on
 * the peer's side to know; their traffic with our own claims is seen from here, too.
 */

import { type CostParameters, displacementCost } from '../cost.ts';
import { distance, locationDistance, type Place } from '../distance.ts';
import type { Book, DomainId, HostCapacity, HostId, HostLoad, Location, Offer } from '../model.ts';
import { receiveViolation } from '../policy.ts';
import { relief } from './relief.ts';

/** What is known about a peer without its book: its load summary has it. */
export type Peer = Readonly<{
  host: HostId;
  name: string;
  location: Location;
  capacity: HostCapacity;
  load: HostLoad;
}>;

/** Estimates what there is to gain with one peer; bit/s. Many peers at once: `outlook`. */
export function potentialWith(own: Book, other: Peer, parameters: CostParameters): number {
  return outlook(own, parameters)(other);
}

/**
 * Prepares the estimates of one book for many peers. Hosts at one location are alike but for the
 * partners that they hold and the domains whose home they are, so the pull of a location is added up
 * once: the first call for a location costs O(offers · hosts that they talk to), others next to nothing.
 */
export function outlook(own: Book, parameters: CostParameters): (other: Peer) => number {
  const pulls = pullsOf(own, parameters);
  const bound = pulls.filter(({ offer }) => isBound(offer));
  const loose = pulls.filter(({ offer }) => !isBound(offer));
  const special = new Map<HostId, Pull[]>();
  for (const pull of loose) {
    for (const host of new Set([...pull.rates.keys(), pull.offer.claim.home])) {
      const known = special.get(host);
      if (known) known.push(pull);
      else special.set(host, [pull]);
    }
  }
  const usual = new Map<string, number>();
  return (other) => {
    const toward = (pull: Pull, host: HostId | undefined): number =>
      Math.max(0, saving(pull, { host, location: other.location }, own, parameters));
    const key = other.location.join('\n');
    let sum = usual.get(key);
    if (sum === undefined) {
      sum = loose.reduce((total, pull) => total + toward(pull, undefined), 0);
      usual.set(key, sum);
    }
    for (const pull of special.get(other.host) ?? []) {
      sum += toward(pull, other.host) - toward(pull, undefined);
    }
    for (const pull of bound) if (mayGo(pull.offer, other)) sum += toward(pull, other.host);
    const between = (special.get(other.host) ?? []).reduce(
      (total, { rates }) => total + (rates.get(other.host)?.bitsPerSecond ?? 0),
      0,
    );
    return Math.max(0, sum) + relief(own, other, parameters, between);
  };
}

/** The partners of one claim that are held elsewhere, by their hosts, and what they cost from here. */
type Pull = Readonly<{
  offer: Offer;
  rates: ReadonlyMap<HostId, Readonly<{ place: Place; bitsPerSecond: number }>>;
  here: number;
}>;

function pullsOf(own: Book, parameters: CostParameters): Pull[] {
  const partners = new Map<DomainId, Place>(
    own.partners.map(({ domain, holder, location }) => [domain, { host: holder, location }]),
  );
  return own.offers.map((offer) => {
    const rates = new Map<HostId, { place: Place; bitsPerSecond: number }>();
    let here = 0;
    for (const { partner, bitsPerSecond } of offer.row) {
      const place = partner === 'external' ? undefined : partners.get(partner);
      if (!place || place.host === own.host) continue;
      here += bitsPerSecond * distance(parameters.distance, own, place);
      const known = rates.get(place.host);
      if (known) known.bitsPerSecond += bitsPerSecond;
      else rates.set(place.host, { place, bitsPerSecond });
    }
    return { offer, rates, here };
  });
}

/** What a claim saves by going there; without a host, to one that is neither its home nor a partner's. */
function saving(
  { offer, rates, here }: Pull,
  target: Readonly<{ host: HostId | undefined; location: Location }>,
  own: Book,
  parameters: CostParameters,
): number {
  let there = 0;
  for (const { place, bitsPerSecond } of rates.values()) {
    const far =
      place.host === target.host
        ? (parameters.distance[0] ?? 0)
        : locationDistance(parameters.distance, target.location, place.location);
    there += bitsPerSecond * far;
  }
  const { home } = offer.claim;
  const homeward = (target.host === home ? 1 : 0) - (own.host === home ? 1 : 0);
  return (
    parameters.affinityWeight * (here - there) +
    homeward * displacementCost(offer.traits.migrationBytes, parameters.paybackMs)
  );
}

/** Whether a rule of its own ties the claim to certain hosts. */
function isBound({ traits }: Offer): boolean {
  return traits.policy.frozen === true || traits.policy.pin !== undefined;
}

function mayGo({ claim, traits }: Offer, other: Peer): boolean {
  const { domain, home } = claim;
  return !receiveViolation({ domain, home, name: traits.name, policy: traits.policy }, other);
}
