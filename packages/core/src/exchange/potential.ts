/**
 * What there may be to gain with one peer, from the own book alone: cheap, and high rather than low.
 * Agents draw the peer of their next proposal with these as weights; the exact gain comes later, when the
 * peer sees both books.
 *
 * It is what the own claims could gain by going to the peer if it had room for any of them and its own stayed
 * where they are: a minimum cut between those that are pulled over and those that hold them here; and what it saves
 * to hand own load over. What the peer's claims could gain by coming hither, and what load it has too much, is for the
 * peer to know (ADR 0012). No exchange gains more than the two together, so of two hosts with something to gain one
 * at least sees half of it. Where the sizes of the own claims have another common divisor than the peer's, what less
 * than one step of the own ones would even out is for the peer to see as well.
 */

import { type CostParameters, displacementCost, overLimitCost } from '../model/cost.ts';
import { distance, locationDistance, type Place } from '../model/distance.ts';
import type {
  Book,
  DomainId,
  HostCapacity,
  HostId,
  HostLoad,
  Location,
  Offer,
} from '../model/model.ts';
import { receiveViolation } from '../model/policy.ts';
import { FlowNetwork } from './flow.ts';
import { type Edges, joinLinks, type Link } from './links.ts';
import { LocationTree } from './location-tree.ts';
import { commonStep, hasTooMuch, relief, shedding } from './relief.ts';

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
 * Prepares the estimates of one book for many peers. Hosts that stand as far from every partner are alike but for the
 * partners that they hold and the domains whose home they are, so there is one cut for all others of them.
 */
export function outlook(own: Book, parameters: CostParameters): (other: Peer) => number {
  const view = new Outlook(own, parameters);
  return (other) => view.towards(other);
}

/** One claim, and what it talks to that is not offered: by host, as far as it is known. */
type Pull = Readonly<{
  offer: Offer;
  rates: ReadonlyMap<HostId, { readonly place: Place; bitsPerSecond: number }>;
  /** The same as a list: it is walked through for every peer. */
  listed: readonly Readonly<{ place: Place; bitsPerSecond: number }>[];
  /** What those cost from here. */
  here: number;
}>;

export class Outlook {
  readonly own: Book;
  readonly #parameters: CostParameters;
  readonly #pulls: readonly Pull[];
  readonly #edges: Edges;
  readonly #network: FlowNetwork;
  /** Some claim may not go everywhere: no two peers are alike. */
  readonly #isBound: boolean;
  /** The memory that changes hands is a multiple of this, unless the peer's claims have other sizes. */
  readonly #stepBytes: number;
  /** By itself this host has something to hand over, whoever might take it. */
  readonly #isLoaded: boolean;
  readonly #partnerHosts = new Set<HostId>();
  /** Hosts that are unlike others as far from everything: they hold partners of ours, or are homes of claims here. */
  readonly #special = new Set<HostId>();
  readonly #places = new LocationTree();

  constructor(own: Book, parameters: CostParameters) {
    this.own = own;
    this.#parameters = parameters;
    const { pulls, links } = layOutPulls(own, parameters);
    this.#pulls = pulls;
    this.#edges = joinLinks(pulls.length, links);
    this.#network = new FlowNetwork(this.#edges);
    this.#isBound = own.offers.some(isBound);
    this.#isLoaded = hasTooMuch(own, parameters);
    this.#stepBytes = commonStep(own.offers.map(({ traits }) => traits.memoryBytes));
    this.#places.add(own.location);
    for (const { offer, rates } of pulls) {
      this.#special.add(offer.claim.home);
      for (const [host, { place }] of rates) {
        if (this.#partnerHosts.has(host)) continue;
        this.#partnerHosts.add(host);
        this.#special.add(host);
        this.#places.add(place.location);
      }
    }
  }

  towards(other: Peer): number {
    // Who holds none of their partners is not looked up for each of them.
    const between = this.#partnerHosts.has(other.host)
      ? this.#pulls.reduce((sum, { rates }) => sum + (rates.get(other.host)?.bitsPerSecond ?? 0), 0)
      : 0;
    const cut = this.#cutTowards(other);
    // Nearly always there is nothing too much here, whatever the other one is like.
    if (!this.#isLoaded && between === 0) return cut;
    const shift = { betweenBitsPerSecond: between, stepBytes: this.#stepBytes };
    return cut + relief(this.own, other, this.#parameters, shift) + this.#sheddingTo(other);
  }

  /**
   * The same for places instead of peers: what the claims gain by going to some host that stands there, holds none of
   * their partners and has room for them all; bit/s.
   */
  at(location: Location): number {
    return this.#cutTowards({ host: '' as HostId, name: '', location });
  }

  /** What the peer has too much is for the peer to know, like all that its claims could gain. */
  #sheddingTo(other: Peer): number {
    const { load, capacity, offers } = this.own;
    if (overLimitCost(load, capacity) === 0) return 0;
    let [memoryBytes, vcpus] = [0, 0];
    for (const offer of offers) {
      if (!mayGo(offer, other)) continue;
      memoryBytes += offer.traits.memoryBytes;
      vcpus += offer.traits.vcpus;
    }
    return shedding(this.own, other, { memoryBytes, vcpus });
  }

  #cutTowards(other: Pick<Peer, 'host' | 'name' | 'location'>): number {
    if (this.#isBound || this.#special.has(other.host)) return this.#cut(other);
    const { location } = other;
    const { known } = this.#places.find(location);
    known[location.length] ??= this.#cut(other);
    return known[location.length] as number;
  }

  /** What the claims that gain most together save by going there; bit/s. */
  #cut(other: Pick<Peer, 'host' | 'name' | 'location'>): number {
    const { distance: table, affinityWeight } = this.#parameters;
    const { excess, capacity } = this.#network;
    let pulled = 0;
    for (let i = 0; i < excess.length; i++) {
      const pull = this.#pulls[i] as Pull;
      const gain =
        this.#isBound && !mayGo(pull.offer, other)
          ? -Infinity
          : saving(pull, other, this.own, this.#parameters);
      excess[i] = -gain;
      pulled += Math.max(0, gain);
    }
    if (pulled === 0) return 0;
    const apart = distance(table, this.own, other) - distance(table, this.own, this.own);
    for (let e = 0; e < capacity.length; e++)
      capacity[e] = Math.max(0, affinityWeight * apart * (this.#edges.edgeRate[e] as number));
    return Math.max(0, pulled - this.#network.maximumFlow());
  }
}

function layOutPulls(
  own: Book,
  parameters: CostParameters,
): Readonly<{ pulls: readonly Pull[]; links: readonly Link[] }> {
  const index = new Map(own.offers.map(({ claim }, i) => [claim.domain, i]));
  const partners = new Map<DomainId, Place>(
    own.partners.map(({ domain, holder, location }) => [domain, { host: holder, location }]),
  );
  const links: Link[] = [];
  const pulls = own.offers.map((offer, from) => {
    const rates = new Map<HostId, { place: Place; bitsPerSecond: number }>();
    let here = 0;
    for (const { partner, bitsPerSecond } of offer.row) {
      if (partner === 'external') continue;
      const to = index.get(partner);
      if (to !== undefined) {
        if (to !== from) links.push({ from, to, rate: bitsPerSecond });
        continue;
      }
      const place = partners.get(partner);
      if (place === undefined) continue;
      here += bitsPerSecond * distance(parameters.distance, own, place);
      const known = rates.get(place.host);
      if (known) known.bitsPerSecond += bitsPerSecond;
      else rates.set(place.host, { place, bitsPerSecond });
    }
    return { offer, rates, listed: [...rates.values()], here };
  });
  return { pulls, links };
}

/** What a claim saves by going there, whatever is offered here staying as it is. */
function saving(
  { offer, listed, here }: Pull,
  target: Pick<Peer, 'host' | 'location'>,
  own: Book,
  parameters: CostParameters,
): number {
  let there = 0;
  for (const { place, bitsPerSecond } of listed) {
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

function mayGo({ claim, traits }: Offer, other: Pick<Peer, 'host' | 'name'>): boolean {
  const { domain, home } = claim;
  return !receiveViolation({ domain, home, name: traits.name, policy: traits.policy }, other);
}
