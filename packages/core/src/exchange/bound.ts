/**
 * How two hosts would best divide their claims if only traffic, displacement and memory counted: a bound of
 * what any exchange can gain, and a good place to start looking for one. Most proposals find nothing, and
 * the bound says so in a fraction of the time of a search.
 *
 * Without memory it is a minimum cut (`flow.ts`). When the host that would get more has no room for it, its
 * memory gets a price, bit/s for each byte, at which the best division just fits: Lagrange's bound. The
 * price is found where the gains of a division that does not fit and of one that does meet, as lines over the
 * price; each cut replaces one of the two, until no division lies above both (Kelley's cutting planes).
 */

import {
  hostCost,
  OVER_LIMIT_BITS_PER_SECOND_PER_BYTE,
  OVER_LIMIT_BITS_PER_SECOND_PER_VCPU,
  overLimitCost,
} from '../model/cost.ts';
import type { Board } from './board.ts';
import { FlowNetwork } from './flow.ts';
import { type Position, ROUNDING_BYTES, ROUNDING_VCPUS } from './position.ts';
import {
  commonStep,
  cpuRelief,
  type LoadedHost,
  memoryRelief,
  nicRelief,
  shedding,
} from './relief.ts';
import { type BySide, otherSide, type Side } from './side.ts';

export type Ideal = Readonly<{
  /** No exchange gains more; bit/s. Of the load of the hosts all that it costs may vanish. */
  mostBitsPerSecond: number;
  sideOf: (offer: number) => Side;
}>;

/** Who holds which claim, by how much traffic and displacement cost less then, and what more side 1 holds. */
type Division = Readonly<{ sides: Uint8Array; gain: number; bytes: number }>;

/** What a claim costs less where it is: of two equal divisions the one that moves less is taken; bit/s. */
const stayBitsPerSecond = 1;
const cutsMax = 8;
/** What the byte and the millionth of a vCPU that no limit is broken by are worth on two hosts; bit/s. */
const limitRounding =
  2 *
  (ROUNDING_BYTES * OVER_LIMIT_BITS_PER_SECOND_PER_BYTE +
    ROUNDING_VCPUS * OVER_LIMIT_BITS_PER_SECOND_PER_VCPU);

/** The ideal division from `start`, the position as the books have it. */
export function idealDivision(board: Board, start: Position): Ideal {
  const divider = new Divider(board);
  const rounding = stayBitsPerSecond * board.side.length;
  const free = (side: Side): number =>
    (start.memoryLimit[side] as number) - (start.memoryBytes[side] as number);
  let beyond = divider.divide(0);
  if (beyond === undefined)
    return { mostBitsPerSecond: Infinity, sideOf: (i) => at(board.side, i) };
  let most = beyond.gain;
  const full: Side | undefined =
    beyond.bytes > free(1) ? 1 : -beyond.bytes > free(0) ? 0 : undefined;
  let chosen = beyond;
  if (full !== undefined) {
    const sign = full === 1 ? 1 : -1;
    let within: Division = { sides: board.side, gain: 0, bytes: 0 };
    for (let cuts = 0; cuts < cutsMax; cuts++) {
      const price = (beyond.gain - within.gain) / (sign * (beyond.bytes - within.bytes));
      const meet = beyond.gain - price * (sign * beyond.bytes - free(full));
      const next = divider.divide(sign * price);
      if (next === undefined) break;
      const gained = next.gain - price * (sign * next.bytes - free(full));
      most = Math.min(most, gained);
      if (gained <= meet + rounding) break;
      if (sign * next.bytes > free(full)) beyond = next;
      else within = next;
    }
    chosen = within.gain > 0 ? within : beyond;
  }
  return {
    mostBitsPerSecond: most + rounding + hostsMost(board, start),
    sideOf: (offer) => at(chosen.sides, offer),
  };
}

/**
 * What both hosts could cost less by themselves: what evening out their loads saves, all that being on costs, and of
 * what they hold beyond their limits what can leave.
 */
function hostsMost(board: Board, start: Position): number {
  if (start.hosts === 0) return 0;
  const { load, capacity, parameters } = board;
  const hosts: BySide<LoadedHost> = [
    { load: load[0], capacity: capacity[0] },
    { load: load[1], capacity: capacity[1] },
  ];
  const loadsCost = (s: Side): number => {
    const { nic, cpu, memory } = hostCost(load[s], capacity[s], parameters);
    return nic + cpu + memory;
  };
  const saved =
    nicRelief(...hosts, parameters, betweenBitsPerSecond(board), 'either') +
    cpuRelief(...hosts, parameters, 'either') +
    memoryRelief(...hosts, parameters, stepBytes(board), 'either');
  const most = start.hosts - loadsCost(0) - loadsCost(1) + saved;
  const above = overLimitCost(load[0], capacity[0]) + overLimitCost(load[1], capacity[1]);
  if (above === 0) return most;
  const nothing = () => ({ memoryBytes: 0, vcpus: 0 });
  const leaving = [nothing(), nothing()] as const;
  for (let i = 0; i < board.side.length; i++) {
    if (board.movable[i] === 0) continue;
    const from = leaving[at(board.side, i)];
    from.memoryBytes += board.memoryBytes[i] as number;
    from.vcpus += board.vcpus[i] as number;
  }
  const shed = (s: Side) => shedding(hosts[s], hosts[otherSide(s)], leaving[s]);
  return most - above + shed(0) + shed(1) + limitRounding;
}

/** What goes from one of the hosts to the other, as far as an exchange can end it. */
function betweenBitsPerSecond({ side, nicAt, firstEdge, edgeTo, edgeRate }: Board): number {
  let between = 0;
  for (let i = 0; i < side.length; i++) {
    const from = at(side, i);
    between += nicAt[otherSide(from)][from][i] as number;
    for (let e = firstEdge[i] as number; e < (firstEdge[i + 1] as number); e++) {
      const partner = edgeTo[e] as number;
      if (partner > i && side[partner] !== from) between += edgeRate[e] as number;
    }
  }
  return between;
}

/** By how much of memory, or multiples of it, exchanges change what each host holds. */
function stepBytes({ movable, memoryBytes }: Board): number {
  return commonStep(memoryBytes.filter((_, offer) => movable[offer] === 1));
}

class Divider {
  readonly #board: Board;
  readonly #network: FlowNetwork;

  constructor(board: Board) {
    this.#board = board;
    this.#network = new FlowNetwork(board);
  }

  /** The best division when each byte on side 1 costs so much; undefined when that would take too long. */
  divide(priceOfSide1: number): Division | undefined {
    const { side, movable, networkAt, displacementAt, edgeRate, cutCost, memoryBytes } =
      this.#board;
    const { excess, capacity } = this.#network;
    for (let e = 0; e < capacity.length; e++)
      capacity[e] = Math.max(0, cutCost * (edgeRate[e] as number));
    for (let i = 0; i < side.length; i++) {
      const stays = side[i] === 0 ? stayBitsPerSecond : -stayBitsPerSecond;
      const zero = (networkAt[0][i] as number) + (displacementAt[0][i] as number);
      const one = (networkAt[1][i] as number) + (displacementAt[1][i] as number);
      excess[i] =
        movable[i] === 0
          ? stays * Infinity
          : one - zero + stays + priceOfSide1 * (memoryBytes[i] as number);
    }
    this.#network.maximumFlow();
    if (!this.#network.complete) return undefined;
    const sides = new Uint8Array(side.length);
    for (let i = 0; i < side.length; i++) sides[i] = this.#network.sideOf(i);
    return { sides, ...this.#gainOf(sides) };
  }

  #gainOf(sides: Uint8Array): Readonly<{ gain: number; bytes: number }> {
    const { side, networkAt, displacementAt, firstEdge, edgeTo, edgeRate, cutCost, memoryBytes } =
      this.#board;
    let [gain, bytes] = [0, 0];
    for (let i = 0; i < side.length; i++) {
      const [from, to] = [at(side, i), at(sides, i)];
      for (let e = firstEdge[i] as number; e < (firstEdge[i + 1] as number); e++) {
        const partner = edgeTo[e] as number;
        if (partner < i) continue;
        const apart = (to === sides[partner] ? 0 : 1) - (from === side[partner] ? 0 : 1);
        if (apart !== 0) gain -= apart * cutCost * (edgeRate[e] as number);
      }
      if (from === to) continue;
      gain += (networkAt[from][i] as number) - (networkAt[to][i] as number);
      gain += (displacementAt[from][i] as number) - (displacementAt[to][i] as number);
      bytes += to === 1 ? (memoryBytes[i] as number) : -(memoryBytes[i] as number);
    }
    return { gain, bytes };
  }
}

function at(sides: Uint8Array, offer: number): Side {
  return sides[offer] === 0 ? 0 : 1;
}
