/**
 * Two books laid out for computing: every offer of both gets a number, and everything that an exchange
 * can change is in arrays indexed by it. Side 0 is the proposer, side 1 the responder.
 *
 * Where the books disagree: a claim in a book is held by that book's host (in both: by the one with
 * the higher version). A partner that neither offers is where the entry with the higher version says. A
 * rate seen in two rows counts as the larger one: both ends see the same frames, so the smaller
 * one is only older. A partner that nobody can place counts like the world outside: it crosses the
 * uplink wherever its domain goes, and it is no reason to go anywhere.
 */

import type { CostParameters } from '../cost.ts';
import { displacementCost } from '../cost.ts';
import { distance, type Place } from '../distance.ts';
import type { Book, DomainId, HostCapacity, HostLoad, Offer } from '../model.ts';
import { receiveViolation } from '../policy.ts';

export type Side = 0 | 1;

export function otherSide(side: Side): Side {
  return side === 0 ? 1 : 0;
}

/** Numbers for each offer, by the side that holds it: [if held by the proposer, by the responder]. */
export type BySide<Values> = readonly [Values, Values];

export type Board = Readonly<{
  books: BySide<Book>;
  parameters: CostParameters;
  offers: readonly Offer[];
  index: ReadonlyMap<DomainId, number>;
  /** Which side holds each offer now. */
  side: Uint8Array;
  /** 1 where the claim's own rules (frozen, pin) let it go to the other side. */
  movable: Uint8Array;
  memoryBytes: Float64Array;
  vcpus: Float64Array;
  cpu: Float64Array;
  /** Network cost towards everything that cannot move in this exchange. */
  networkAt: BySide<Float64Array>;
  displacementAt: BySide<Float64Array>;
  /** nicAt[host][holder][offer]: what the offer sends over that host's uplink, other offers aside. */
  nicAt: BySide<BySide<Float64Array>>;
  /** Traffic between offers: those of i are at firstEdge[i] … firstEdge[i + 1]. */
  firstEdge: Uint32Array;
  edgeTo: Uint32Array;
  edgeRate: Float64Array;
  /** What one bit/s between two offers costs more when they are apart than when they are together. */
  cutCost: number;
  capacity: BySide<HostCapacity>;
  load: BySide<HostLoad>;
  apart: Groups;
  together: Groups;
}>;

/** One kind of policy group: whose group each offer is in (-1 = none), and how many each side holds. */
export type Groups = Readonly<{
  kind: 'keepApart' | 'keepTogether';
  names: readonly string[];
  of: Int32Array;
  held: BySide<Int32Array>;
}>;

/** Lays two books out. Offers that their host does not hold are left out. O(offers · partners). */
export function layOut(proposer: Book, responder: Book, parameters: CostParameters): Board {
  const books = [proposer, responder] as const;
  const { offers, sides } = trueOffers(books);
  const index = new Map(offers.map((offer, i) => [offer.claim.domain, i]));
  const count = offers.length;
  const numbers = (): Float64Array => new Float64Array(count);
  const side = Uint8Array.from(sides);
  const places = partnerPlaces(books);
  const networkAt = [numbers(), numbers()] as const;
  const displacementAt = [numbers(), numbers()] as const;
  const nicAt = [
    [numbers(), numbers()],
    [numbers(), numbers()],
  ] as const;
  const rates: Map<number, number>[] = [];
  const table = parameters.distance;

  for (const [i, offer] of offers.entries()) {
    const rowRates = new Map<number, number>();
    rates.push(rowRates);
    for (const { partner, bitsPerSecond } of offer.row) {
      if (partner === offer.claim.domain) continue;
      const j = partner === 'external' ? undefined : index.get(partner);
      if (j !== undefined) {
        rowRates.set(j, (rowRates.get(j) ?? 0) + bitsPerSecond);
        continue;
      }
      const place = partner === 'external' ? undefined : places.get(partner);
      for (const holder of [0, 1] as const) {
        const book = books[holder];
        if (place) {
          const cost = parameters.affinityWeight * bitsPerSecond * distance(table, book, place);
          add(networkAt[holder], i, cost);
        }
        if (place?.host !== book.host) add(nicAt[holder][holder], i, bitsPerSecond);
        if (place && place.host === books[otherSide(holder)].host) {
          add(nicAt[otherSide(holder)][holder], i, bitsPerSecond);
        }
      }
    }
    const cost = displacementCost(offer.traits.migrationBytes, parameters.paybackMs);
    for (const holder of [0, 1] as const) {
      if (books[holder].host !== offer.claim.home) displacementAt[holder][i] = cost;
    }
  }

  return {
    books,
    parameters,
    offers,
    index,
    side,
    movable: Uint8Array.from(offers, (offer, i) => mayLeave(offer, books[1 - (side[i] ?? 0)])),
    memoryBytes: Float64Array.from(offers, (offer) => offer.traits.memoryBytes),
    vcpus: Float64Array.from(offers, (offer) => offer.traits.vcpus),
    cpu: Float64Array.from(offers, (offer) => offer.traits.cpu),
    networkAt,
    displacementAt,
    nicAt,
    ...edges(rates),
    cutCost:
      parameters.affinityWeight *
      (distance(table, proposer, responder) - distance(table, proposer, proposer)),
    capacity: [proposer.capacity, responder.capacity],
    load: [proposer.load, responder.load],
    apart: layOutGroups(books, offers, side, 'keepApart'),
    together: layOutGroups(books, offers, side, 'keepTogether'),
  };
}

/** The offers of both books, each domain once, with the side that truly holds it. */
function trueOffers(books: BySide<Book>): { offers: Offer[]; sides: Side[] } {
  const best = new Map<DomainId, { offer: Offer; side: Side }>();
  for (const side of [0, 1] as const) {
    for (const offer of books[side].offers) {
      if (offer.claim.holder !== books[side].host) continue;
      const known = best.get(offer.claim.domain);
      if (known && known.offer.claim.version >= offer.claim.version) continue;
      best.set(offer.claim.domain, { offer, side });
    }
  }
  const entries = [...best.values()];
  return { offers: entries.map((e) => e.offer), sides: entries.map((e) => e.side) };
}

/** Where each partner is held that the books do not offer. */
function partnerPlaces(books: BySide<Book>): ReadonlyMap<DomainId, Place> {
  const places = new Map<DomainId, Book['partners'][number]>();
  for (const book of books) {
    for (const partner of book.partners) {
      const known = places.get(partner.domain);
      if (!known || partner.version > known.version) places.set(partner.domain, partner);
    }
  }
  return new Map(
    [...places].map(([domain, { holder, location }]) => [domain, { host: holder, location }]),
  );
}

function mayLeave(offer: Offer, target: Book | undefined): number {
  if (!target) return 0;
  const { claim, traits } = offer;
  const rules = {
    domain: claim.domain,
    home: claim.home,
    name: traits.name,
    policy: traits.policy,
  };
  return receiveViolation(rules, target) ? 0 : 1;
}

function edges(
  rates: readonly ReadonlyMap<number, number>[],
): Pick<Board, 'firstEdge' | 'edgeTo' | 'edgeRate'> {
  const both: Map<number, number>[] = rates.map((row) => new Map(row));
  for (const [i, row] of rates.entries()) {
    for (const [j, rate] of row) {
      const larger = Math.max(rate, rates[j]?.get(i) ?? 0);
      both[i]?.set(j, larger);
      both[j]?.set(i, larger);
    }
  }
  const firstEdge = new Uint32Array(rates.length + 1);
  for (const [i, row] of both.entries()) firstEdge[i + 1] = (firstEdge[i] ?? 0) + row.size;
  const total = firstEdge[rates.length] ?? 0;
  const edgeTo = new Uint32Array(total);
  const edgeRate = new Float64Array(total);
  let next = 0;
  for (const row of both) {
    for (const [j, rate] of row) {
      edgeTo[next] = j;
      edgeRate[next++] = rate;
    }
  }
  return { firstEdge, edgeTo, edgeRate };
}

function layOutGroups(
  books: BySide<Book>,
  offers: readonly Offer[],
  side: Uint8Array,
  kind: Groups['kind'],
): Groups {
  const numbers = new Map<string, number>();
  const of = Int32Array.from(offers, ({ traits }) => {
    const group = traits.policy[kind];
    if (group === undefined) return -1;
    const known = numbers.get(group) ?? numbers.size;
    numbers.set(group, known);
    return known;
  });
  const held = [new Int32Array(numbers.size), new Int32Array(numbers.size)] as const;
  for (const [i, group] of of.entries()) {
    if (group >= 0) add(held[side[i] === 0 ? 0 : 1], group, 1);
  }
  for (const s of [0, 1] as const) {
    for (const name of books[s].fixed[kind]) {
      // A group that no offer is in cannot change.
      const group = numbers.get(name);
      if (group !== undefined) add(held[s], group, 1);
    }
  }
  return { kind, names: [...numbers.keys()], of, held };
}

function add(values: Float64Array | Int32Array, at: number, amount: number): void {
  values[at] = (values[at] ?? 0) + amount;
}
