/**
 * A board with some claims moved: the loads and costs of both hosts after an exchange, kept up to date
 * move by move. What the search explores and what decides about a proposed exchange is this one
 * arithmetic, so a search cannot promise what the evaluation does not find.
 */

import { type CostParameters, excess, hostOnCost } from '../cost.ts';
import { keepApartLimit, split } from '../policy.ts';
import { type Board, type Groups, otherSide, type Side } from './board.ts';

export class Position {
  readonly board: Board;
  /** Which side holds each offer. */
  readonly side: Uint8Array;
  /** Traffic of each offer with offers on its own side, and on the other one. */
  readonly near: Float64Array;
  readonly far: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly vcpus: Float64Array;
  readonly cpu: Float64Array;
  readonly nic: Float64Array;
  /** What each side may come to hold: its limit, or what it holds already when that is more. */
  readonly memoryLimit: Float64Array;
  readonly vcpuLimit: Float64Array;
  /** Network and displacement cost that the exchange can change; only differences mean anything. */
  network = 0;
  displacement = 0;
  readonly #apart: GroupState;
  readonly #together: GroupState;
  readonly #nicCapacity: readonly [number, number];

  constructor(board: Board) {
    this.board = board;
    const { load, capacity, parameters } = board;
    this.side = Uint8Array.from(board.side);
    this.near = new Float64Array(this.side.length);
    this.far = new Float64Array(this.side.length);
    this.memoryBytes = Float64Array.from(load, (l) => l.memoryBytes);
    this.vcpus = Float64Array.from(load, (l) => l.vcpus);
    this.cpu = Float64Array.from(load, (l) => l.cpu);
    this.nic = Float64Array.from(load, (l) => l.nicBitsPerSecond);
    this.memoryLimit = Float64Array.from(load, (l, s) =>
      Math.max(l.memoryBytes, capacity[s === 0 ? 0 : 1].memoryLimitBytes),
    );
    this.vcpuLimit = Float64Array.from(load, (l, s) =>
      Math.max(l.vcpus, capacity[s === 0 ? 0 : 1].vcpuLimit),
    );
    this.#apart = new GroupState(board.apart);
    this.#together = new GroupState(board.together);
    this.#nicCapacity = [
      parameters.nicReferenceBitsPerSecond ?? capacity[0].nicBitsPerSecond,
      parameters.nicReferenceBitsPerSecond ?? capacity[1].nicBitsPerSecond,
    ];
    for (let i = 0; i < this.side.length; i++) {
      for (let e = at(board.firstEdge, i); e < at(board.firstEdge, i + 1); e++) {
        const together = this.side[at(board.edgeTo, e)] === this.side[i];
        add(together ? this.near : this.far, i, at(board.edgeRate, e));
      }
    }
  }

  sideOf(offer: number): Side {
    return this.side[offer] === 0 ? 0 : 1;
  }

  /** Moves one claim to the other side; moving it again undoes it. O(edges of the offer). */
  move(offer: number): void {
    const { board, side } = this;
    const from = this.sideOf(offer);
    const to = otherSide(from);
    const cut = at(this.near, offer) - at(this.far, offer);
    this.network += this.#networkChange(offer, from);
    this.displacement +=
      at(board.displacementAt[to], offer) - at(board.displacementAt[from], offer);
    for (const host of [0, 1] as const) {
      add(this.nic, host, this.#nicChange(host, offer, from) + cut);
    }
    shift(this.memoryBytes, from, to, at(board.memoryBytes, offer));
    shift(this.vcpus, from, to, at(board.vcpus, offer));
    shift(this.cpu, from, to, at(board.cpu, offer));
    this.#apart.move(offer, from, to);
    this.#together.move(offer, from, to);
    side[offer] = to;
    const near = at(this.near, offer);
    this.near[offer] = at(this.far, offer);
    this.far[offer] = near;
    for (let e = at(board.firstEdge, offer); e < at(board.firstEdge, offer + 1); e++) {
      const partner = at(board.edgeTo, e);
      const rate = side[partner] === to ? at(board.edgeRate, e) : -at(board.edgeRate, e);
      add(this.near, partner, rate);
      add(this.far, partner, -rate);
    }
  }

  /** By how much the cost falls when one claim moves; the limits are another matter. O(1). */
  gain(offer: number): number {
    const { board } = this;
    const from = this.sideOf(offer);
    const to = otherSide(from);
    const saved =
      at(board.displacementAt[from], offer) -
      at(board.displacementAt[to], offer) -
      this.#networkChange(offer, from);
    const cut = at(this.near, offer) - at(this.far, offer);
    return (
      saved +
      this.hostsCost() -
      this.#sideCost(
        from,
        at(this.nic, from) + this.#nicChange(from, offer, from) + cut,
        at(this.cpu, from) - at(board.cpu, offer),
        at(this.memoryBytes, from) - at(board.memoryBytes, offer),
        at(this.vcpus, from) - at(board.vcpus, offer),
      ) -
      this.#sideCost(
        to,
        at(this.nic, to) + this.#nicChange(to, offer, from) + cut,
        at(this.cpu, to) + at(board.cpu, offer),
        at(this.memoryBytes, to) + at(board.memoryBytes, offer),
        at(this.vcpus, to) + at(board.vcpus, offer),
      )
    );
  }

  /** The excess and host-on cost of both hosts as they are now. */
  hostsCost(): number {
    let sum = 0;
    for (const s of [0, 1] as const) {
      sum += this.#sideCost(
        s,
        at(this.nic, s),
        at(this.cpu, s),
        at(this.memoryBytes, s),
        at(this.vcpus, s),
      );
    }
    return sum;
  }

  /** Everything that an exchange can change; the gain of an exchange is a difference of two of these. */
  cost(): number {
    return this.network + this.displacement + this.hostsCost();
  }

  /** Whether both hosts are within their limits and no group rule is broken. */
  allowed(): boolean {
    return (
      !this.overfull(0) &&
      !this.overfull(1) &&
      this.#apart.beyond === 0 &&
      this.#together.beyond === 0
    );
  }

  overfull(side: Side): boolean {
    return (
      at(this.memoryBytes, side) > at(this.memoryLimit, side) + ROUNDING_BYTES ||
      at(this.vcpus, side) > at(this.vcpuLimit, side) + ROUNDING_VCPUS
    );
  }

  /** What one side holds beyond what it may; 0 where it is within. */
  overflow(side: Side): Readonly<{ memoryBytes: number; vcpus: number }> {
    const memoryBytes = at(this.memoryBytes, side) - at(this.memoryLimit, side);
    const vcpus = at(this.vcpus, side) - at(this.vcpuLimit, side);
    return {
      memoryBytes: memoryBytes > ROUNDING_BYTES ? memoryBytes : 0,
      vcpus: vcpus > ROUNDING_VCPUS ? vcpus : 0,
    };
  }

  /** Whether the group rules hold as they do now. */
  groupsAllowed(): boolean {
    return this.#apart.beyond === 0 && this.#together.beyond === 0;
  }

  #networkChange(offer: number, from: Side): number {
    const { networkAt, cutCost } = this.board;
    return (
      at(networkAt[otherSide(from)], offer) -
      at(networkAt[from], offer) +
      cutCost * (at(this.near, offer) - at(this.far, offer))
    );
  }

  /** What a move adds to a host's uplink, traffic with other offers aside. */
  #nicChange(host: Side, offer: number, from: Side): number {
    const nic = this.board.nicAt[host];
    return at(nic[otherSide(from)], offer) - at(nic[from], offer);
  }

  #sideCost(s: Side, nic: number, cpu: number, memory: number, vcpus: number): number {
    const parameters: CostParameters = this.board.parameters;
    const capacity = this.board.capacity[s];
    let sum =
      excess(parameters.nic, nic, this.#nicCapacity[s]) +
      excess(parameters.cpu, cpu, capacity.vcpus) +
      excess(parameters.memory, memory, capacity.memoryBytes);
    if (parameters.hostOn) {
      sum += hostOnCost(parameters.hostOn, vcpus, memory, capacity.memoryLimitBytes);
    }
    return sum;
  }
}

/** Loads come from sums in floating point on two hosts: a byte, and a millionth of a vCPU, are no limit broken. */
const ROUNDING_BYTES = 1;
const ROUNDING_VCPUS = 1e-6;

/** How many claims of each policy group each side holds, and in how many groups the rule is broken. */
class GroupState {
  readonly #groups: Groups;
  readonly #held: readonly [Int32Array, Int32Array];
  readonly #apart: boolean;
  beyond = 0;

  constructor(groups: Groups) {
    this.#groups = groups;
    this.#held = [Int32Array.from(groups.held[0]), Int32Array.from(groups.held[1])];
    this.#apart = groups.kind === 'keepApart';
  }

  move(offer: number, from: Side, to: Side): void {
    const group = at(this.#groups.of, offer);
    if (group < 0) return;
    const was = this.#broken(group);
    add(this.#held[from], group, -1);
    add(this.#held[to], group, 1);
    this.beyond += this.#broken(group) - was;
  }

  #broken(group: number): number {
    const before = this.#groups.held;
    const [zero, one] = [at(this.#held[0], group), at(this.#held[1], group)];
    const [wasZero, wasOne] = [at(before[0], group), at(before[1], group)];
    if (!this.#apart) return split(zero, one) > split(wasZero, wasOne) ? 1 : 0;
    return zero > keepApartLimit(wasZero) || one > keepApartLimit(wasOne) ? 1 : 0;
  }
}

/** Typed arrays answer `undefined` out of bounds, which only a bug of ours can bring about. */
function at(values: Float64Array | Uint32Array | Int32Array, index: number): number {
  return values[index] as number;
}

function add(values: Float64Array | Int32Array, index: number, amount: number): void {
  values[index] = (values[index] as number) + amount;
}

function shift(values: Float64Array, from: Side, to: Side, amount: number): void {
  add(values, from, -amount);
  add(values, to, amount);
}
