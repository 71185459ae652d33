/**
 * What there may be to gain with one peer, from the own book alone: cheap, and high rather than low.
 * Agents draw the peer of their next proposal with these as weights; the exact gain comes later, when the
 * peer sees both books.
 *
 * A claim counts with what pulls it towards the peer, and not with what holds it here: whatever it
 * talks to on this host could come along in the same bundle. What pulls the peer's claims hither is on
 * the peer's side to know; their traffic with our own claims is seen from here, too.
 */

import {
  type CostParameters,
  displacementCost,
  excess,
  type HostOnCost,
  hostOnCost,
} from '../cost.ts';
import { distance } from '../distance.ts';
import type { Book, DomainId, HostCapacity, HostId, HostLoad, Location, Offer } from '../model.ts';
import { receiveViolation } from '../policy.ts';

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
 * Prepares the estimates of one book. Each call of what it returns costs O(offers · places that they
 * talk to), where all partners on one host are one place.
 */
export function outlook(own: Book, parameters: CostParameters): (other: Peer) => number {
  const known = new Map(own.partners.map((partner) => [partner.domain, partner]));
  const pulls = own.offers.map((offer) => ({ offer, places: pullingPlaces(own, known, offer) }));
  return (other) => {
    let sum = relief(own, other, parameters);
    for (const { offer, places } of pulls) {
      let pull = 0;
      if (parameters.affinityWeight > 0) {
        for (const { place, bitsPerSecond } of places) {
          const nearer =
            distance(parameters.distance, own, place) - distance(parameters.distance, other, place);
          pull += parameters.affinityWeight * bitsPerSecond * nearer;
        }
      }
      const cost = displacementCost(offer.traits.migrationBytes, parameters.paybackMs);
      if (offer.claim.home === other.host) pull += cost;
      if (offer.claim.home === own.host) pull -= cost;
      if (pull > 0 && mayGo(offer, other)) sum += pull;
    }
    return sum;
  };
}

type Pull = { place: Readonly<{ host: HostId; location: Location }>; bitsPerSecond: number };

function pullingPlaces(
  own: Book,
  known: ReadonlyMap<DomainId, Book['partners'][number]>,
  offer: Offer,
): Iterable<Pull> {
  const places = new Map<HostId, Pull>();
  for (const { partner, bitsPerSecond } of offer.row) {
    const at = partner === 'external' ? undefined : known.get(partner);
    if (!at || at.holder === own.host) continue;
    const pull = places.get(at.holder);
    if (pull) pull.bitsPerSecond += bitsPerSecond;
    else {
      const place = { host: at.holder, location: at.location };
      places.set(at.holder, { place, bitsPerSecond });
    }
  }
  return [...places.values()];
}

function mayGo({ claim, traits }: Offer, other: Peer): boolean {
  const { domain, home } = claim;
  return !receiveViolation({ domain, home, name: traits.name, policy: traits.policy }, other);
}

/** What evening out the loads of the two hosts, or emptying one of them into the other, would save. */
function relief(own: Book, other: Peer, parameters: CostParameters): number {
  const nic = parameters.nicReferenceBitsPerSecond;
  const even = (
    curve: CostParameters['nic'],
    load: (of: HostLoad) => number,
    capacity: (of: HostCapacity) => number,
  ): number => {
    const capacities = [capacity(own.capacity), capacity(other.capacity)] as const;
    const loads = [load(own.load), load(other.load)] as const;
    const share = (loads[0] + loads[1]) / (capacities[0] + capacities[1]);
    let saved = 0;
    for (const s of [0, 1] as const) {
      saved += excess(curve, loads[s], capacities[s]);
      saved -= excess(curve, share * capacities[s], capacities[s]);
    }
    return Math.max(0, saved);
  };
  return (
    even(
      parameters.nic,
      (l) => l.nicBitsPerSecond,
      (c) => nic ?? c.nicBitsPerSecond,
    ) +
    even(
      parameters.cpu,
      (l) => l.cpu,
      (c) => c.vcpus,
    ) +
    even(
      parameters.memory,
      (l) => l.memoryBytes,
      (c) => c.memoryBytes,
    ) +
    (parameters.hostOn ? packing(own, other, parameters.hostOn) : 0)
  );
}

/** What it saves to pack the emptier host's claims onto the fuller one, as far as they fit. */
function packing(own: Book, other: Peer, cost: HostOnCost): number {
  const hosts = [own, other].sort((a, b) => a.load.memoryBytes - b.load.memoryBytes);
  const [emptier, fuller] = hosts;
  if (!emptier || !fuller || emptier.load.vcpus <= 0 || fuller.load.vcpus <= 0) return 0;
  const room = Math.max(0, fuller.capacity.memoryLimitBytes - fuller.load.memoryBytes);
  const moved = Math.min(room, emptier.load.memoryBytes);
  const at = ({ load, capacity }: Peer, memoryBytes: number, vcpus: number): number =>
    hostOnCost(cost, vcpus, load.memoryBytes + memoryBytes, capacity.memoryLimitBytes);
  const left = moved < emptier.load.memoryBytes ? emptier.load.vcpus : 0;
  const saved =
    at(emptier, 0, emptier.load.vcpus) +
    at(fuller, 0, fuller.load.vcpus) -
    at(emptier, -moved, left) -
    at(fuller, moved, fuller.load.vcpus);
  return Math.max(0, saved);
}
