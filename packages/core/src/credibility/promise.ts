/**
 * What a load summary promises. From the own book and a peer's summary alone it can often not be known what an
 * exchange would gain: the peer knows better where partners are, and may not offer what would have to come back.
 * Sometimes it follows all the same: one claim that goes to the room told of relieves this host by more than
 * it could cost at worst, wherever its partners turn out to be. Whoever searches both books finds that much
 * (single moves are searched exhaustively), if the room is there.
 */

import { type CostParameters, displacementCost, hostCost, totalCost } from '../model/cost.ts';
import type { Book, HostLoad, LoadSummary, Offer } from '../model/model.ts';

/** A claim that would go, and what it saves at worst before what it costs at the peer; bit/s. */
export type Promised = Readonly<{ offer: Offer; sparesBitsPerSecond: number }>;

/** The claim that a peer with so much room could not have found nothing to gain with; undefined when there is none. */
export function promisedBy(
  book: Book,
  summary: LoadSummary,
  parameters: CostParameters,
  minGainBitsPerSecond: number,
): Promised | undefined {
  let best: (Promised & Readonly<{ gain: number }>) | undefined;
  const here = new Set(book.offers.map(({ claim }) => claim.domain));
  for (const { domain, holder } of book.partners) if (holder === book.host) here.add(domain);
  for (const offer of book.offers) {
    const { claim, traits } = offer;
    // A peer may know better of a claim on somebody else's domain; and of groups only it knows who is in them.
    if (claim.home !== book.host || Object.keys(traits.policy).length > 0) continue;
    const after = without(book.load, offer, here);
    // A host that stays above its limits may agree to nothing.
    if (after.memoryBytes > book.capacity.memoryLimitBytes) continue;
    if (after.vcpus > book.capacity.vcpuLimit) continue;
    const cost = (load: HostLoad) => totalCost(hostCost(load, book.capacity, parameters));
    const sparesBitsPerSecond =
      cost(book.load) -
      cost(after) -
      farthest(offer, parameters) -
      displacementCost(traits.migrationBytes, parameters.paybackMs);
    const gain = gainAt({ offer, sparesBitsPerSecond }, summary, parameters);
    if (gain < minGainBitsPerSecond || gain <= (best?.gain ?? 0)) continue;
    best = { offer, sparesBitsPerSecond, gain };
  }
  return best;
}

/** What it gains at worst if the peer's load is as told; -Infinity where it does not fit. */
export function gainAt(
  { offer, sparesBitsPerSecond }: Promised,
  { load, capacity }: Pick<LoadSummary, 'load' | 'capacity'>,
  parameters: CostParameters,
): number {
  const { memoryBytes, vcpus, cpu } = offer.traits;
  const after: HostLoad = {
    memoryBytes: load.memoryBytes + memoryBytes,
    vcpus: load.vcpus + vcpus,
    cpu: load.cpu + cpu,
    nicBitsPerSecond: load.nicBitsPerSecond + sum(offer),
  };
  if (after.memoryBytes > capacity.memoryLimitBytes || after.vcpus > capacity.vcpuLimit)
    return -Infinity;
  const cost = (of: HostLoad) => totalCost(hostCost(of, capacity, parameters));
  return sparesBitsPerSecond - (cost(after) - cost(load));
}

function without(load: HostLoad, offer: Offer, here: ReadonlySet<string>): HostLoad {
  let { nicBitsPerSecond } = load;
  for (const { partner, bitsPerSecond } of offer.row)
    nicBitsPerSecond += here.has(partner) ? bitsPerSecond : -bitsPerSecond;
  const { memoryBytes, vcpus, cpu } = offer.traits;
  return {
    memoryBytes: load.memoryBytes - memoryBytes,
    vcpus: load.vcpus - vcpus,
    cpu: load.cpu - cpu,
    nicBitsPerSecond: Math.max(0, nicBitsPerSecond),
  };
}

/** What the traffic with its partners could cost more at most, wherever they are. */
function farthest({ row }: Offer, { distance, affinityWeight }: CostParameters): number {
  const span = Math.max(...distance) - Math.min(...distance);
  let named = 0;
  for (const { partner, bitsPerSecond } of row) if (partner !== 'external') named += bitsPerSecond;
  return affinityWeight * span * named;
}

function sum({ row }: Offer): number {
  return row.reduce((total, { bitsPerSecond }) => total + bitsPerSecond, 0);
}
