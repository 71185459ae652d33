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

import type { CostParameters, ExcessCurve } from '../model/cost.ts';
import { displacementCost } from '../model/cost.ts';
import { distance } from '../model/distance.ts';
import type { Book, DomainId, HostCapacity, HostId, HostLoad, Offer } from '../model/model.ts';
import { receiveViolation } from '../model/policy.ts';
import { HostCurve } from './curve.ts';
import { isTight } from './first-step.ts';
import { type Groups, layOutGroups } from './groups.ts';
import { type Edges, joinLinks, type Link, linkRate } from './links.ts';
import { type BySide, otherSide, type Side } from './side.ts';

export type Board = Edges &
  Readonly<{
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
    /** nicShift[host][offer]: by how much that grows when the offer goes from side 0 to side 1. */
    nicShift: BySide<Float64Array>;
    /** What the load of each host costs. */
    curves: Readonly<{ nic: BySide<HostCurve>; cpu: BySide<HostCurve>; memory: BySide<HostCurve> }>;
    /** What one bit/s between two offers costs more when they are apart than when they are together. */
    cutCost: number;
    /** No single move changes a host's load by more. */
    largest: Readonly<{ nic: number; cpu: number; memoryBytes: number }>;
    /** Neither host has room for just anything of the other one's (`first-step.ts`). */
    isTight: boolean;
    capacity: BySide<HostCapacity>;
    load: BySide<HostLoad>;
    apart: Groups;
    together: Groups;
  }>;

/** Lays two books out. Offers that their host does not hold are left out. O(offers · partners). */
export function layOut(proposer: Book, responder: Book, parameters: CostParameters): Board {
  const books = [proposer, responder] as const;
  const { offers, sides } = trueOffers(books);
  const index = new Map(offers.map((offer, i) => [offer.claim.domain, i]));
  const side = new Uint8Array(sides);
  // Not `Float64Array.from`, which takes ten times as long for so few.
  const numbers = (of: (offer: Offer, i: number) => number): Float64Array => {
    const values = new Float64Array(offers.length);
    for (let i = 0; i < offers.length; i++) values[i] = of(offers[i] as Offer, i);
    return values;
  };
  const memoryBytes = numbers(({ traits }) => traits.memoryBytes);
  const cpu = numbers(({ traits }) => traits.cpu);
  const vcpus = numbers(({ traits }) => traits.vcpus);
  const capacity = [proposer.capacity, responder.capacity] as const;
  const load = [proposer.load, responder.load] as const;
  const { networkAt, nicAt, rowRate, links } = layOutRows(books, offers, index, parameters);
  const edges = joinLinks(offers.length, links);
  return {
    books,
    parameters,
    offers,
    index,
    side,
    movable: new Uint8Array(
      offers.map((offer, i) => (mayLeave(offer, books[otherSide(side[i] === 0 ? 0 : 1)]) ? 1 : 0)),
    ),
    memoryBytes,
    vcpus,
    cpu,
    networkAt,
    displacementAt: [
      numbers((offer) => displacementAt(offer, proposer.host, parameters)),
      numbers((offer) => displacementAt(offer, responder.host, parameters)),
    ],
    nicAt,
    nicShift: [nicAt[0], nicAt[1]].map(([zero, one]) =>
      numbers((_, i) => (one[i] as number) - (zero[i] as number)),
    ) as [Float64Array, Float64Array],
    curves: curvesOf(books, parameters),
    ...edges,
    cutCost:
      parameters.affinityWeight *
      (distance(parameters.distance, proposer, responder) -
        distance(parameters.distance, proposer, proposer)),
    largest: {
      nic: Math.max(0, ...rowRate.map((rate, i) => rate + linkRate(edges, i))),
      cpu: Math.max(0, ...cpu),
      memoryBytes: Math.max(0, ...memoryBytes),
    },
    isTight: isTight({ side, memoryBytes, vcpus, load, capacity }),
    capacity,
    load,
    apart: layOutGroups(books, offers, side, 'keepApart'),
    together: layOutGroups(books, offers, side, 'keepTogether'),
  };
}

function curvesOf(books: BySide<Book>, parameters: CostParameters): Board['curves'] {
  const { nic, cpu, memory, nicReferenceBitsPerSecond } = parameters;
  const curves = (curve: ExcessCurve, capacityOf: (capacity: HostCapacity) => number) =>
    [
      new HostCurve(curve, capacityOf(books[0].capacity)),
      new HostCurve(curve, capacityOf(books[1].capacity)),
    ] as const;
  return {
    nic: curves(nic, (capacity) => nicReferenceBitsPerSecond ?? capacity.nicBitsPerSecond),
    cpu: curves(cpu, (capacity) => capacity.vcpus),
    memory: curves(memory, (capacity) => capacity.memoryBytes),
  };
}

function displacementAt(
  { claim, traits }: Offer,
  host: HostId,
  parameters: CostParameters,
): number {
  if (claim.home === host) return 0;
  return displacementCost(traits.migrationBytes, parameters.paybackMs);
}

/** Walks every row once: what stays where it is goes into the sums, what may move into the links. */
function layOutRows(
  books: BySide<Book>,
  offers: readonly Offer[],
  index: ReadonlyMap<DomainId, number>,
  parameters: CostParameters,
): Pick<Board, 'networkAt' | 'nicAt'> & { rowRate: Float64Array; links: Link[] } {
  const numbers = (): Float64Array => new Float64Array(offers.length);
  const networkAt = [numbers(), numbers()] as const;
  const nicAt = [
    [numbers(), numbers()],
    [numbers(), numbers()],
  ] as const;
  const rowRate = numbers();
  const links: Link[] = [];
  const outside: Standing = { distance: [0, 0], on: undefined };
  const standings = partnerStandings(books, parameters);
  for (let i = 0; i < offers.length; i++) {
    const offer = offers[i] as Offer;
    for (const { partner, bitsPerSecond } of offer.row) {
      if (partner === offer.claim.domain) continue;
      const to = partner === 'external' ? undefined : index.get(partner);
      if (to !== undefined) {
        links.push({ from: i, to, rate: bitsPerSecond });
        continue;
      }
      add(rowRate, i, bitsPerSecond);
      const standing = (partner !== 'external' && standings.get(partner)) || outside;
      for (const holder of [0, 1] as const) {
        const cost = parameters.affinityWeight * bitsPerSecond * standing.distance[holder];
        add(networkAt[holder], i, cost);
        if (standing.on !== holder) {
          add(nicAt[holder][holder], i, bitsPerSecond);
          if (standing.on !== undefined) add(nicAt[standing.on][holder], i, bitsPerSecond);
        }
      }
    }
  }
  return { networkAt, nicAt, rowRate, links };
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

type Partner = Book['partners'][number];

/** Where a partner stands that the books do not offer: how far from each side, and on which if on one. */
type Standing = Readonly<{ distance: readonly [number, number]; on: Side | undefined }>;

function partnerStandings(
  books: BySide<Book>,
  parameters: CostParameters,
): ReadonlyMap<DomainId, Standing> {
  const partners = new Map<DomainId, Partner>();
  for (const book of books) {
    for (const partner of book.partners) {
      const known = partners.get(partner.domain);
      if (known === undefined || isLater(partner, known, book.host))
        partners.set(partner.domain, partner);
    }
  }
  const byHost = new Map<HostId, Standing>();
  const standings = new Map<DomainId, Standing>();
  for (const { domain, holder, location } of partners.values()) {
    let standing = byHost.get(holder);
    if (!standing) {
      const place = { host: holder, location };
      standing = {
        distance: [
          distance(parameters.distance, books[0], place),
          distance(parameters.distance, books[1], place),
        ],
        on: holder === books[0].host ? 0 : holder === books[1].host ? 1 : undefined,
      };
      byHost.set(holder, standing);
    }
    standings.set(domain, standing);
  }
  return standings;
}

/**
 * Whether what the book of `by` says of a partner stands against what was said before. At one version a claim has two
 * holders only when the second one holds it no more, which is for that one to say, and it is with its home again.
 */
function isLater(partner: Partner, known: Partner, by: HostId): boolean {
  if (partner.version !== known.version) return partner.version > known.version;
  const isDenied = known.holder === by && partner.holder !== by;
  return isDenied || (partner.holder === partner.home && known.holder !== known.home);
}

function mayLeave({ claim, traits }: Offer, target: Book): boolean {
  const { domain, home } = claim;
  return !receiveViolation({ domain, home, name: traits.name, policy: traits.policy }, target);
}

function add(values: Float64Array | Int32Array, at: number, amount: number): void {
  values[at] = (values[at] ?? 0) + amount;
}
