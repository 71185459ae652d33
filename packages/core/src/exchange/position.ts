/**
 * A board with some claims moved: the loads and costs of both hosts after an exchange, kept up to date
 * move by move. What the search explores and what decides about a proposed exchange is this one
 * arithmetic, so a search cannot promise what the evaluation does not find.
 */

import { hostOnCost, overLimitCost } from '../model/cost.ts';
import type { Board } from './board.ts';
import { canBegin } from './first-step.ts';
import { GroupState } from './groups.ts';
import { type BySide, otherSide, type Side } from './side.ts';

export class Position {
  readonly board: Board;
  /** Which side holds each offer. */
  readonly side: Uint8Array;
  /** What each move by itself would save in network and displacement cost. */
  readonly saving: Float64Array;
  /** Each offer's traffic with offers on its own side, less that with the other side. */
  readonly cut: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly vcpus: Float64Array;
  readonly cpu: Float64Array;
  readonly nic: Float64Array;
  /** What each side may come to hold: its limit, or what it holds already when that is more. */
  readonly memoryLimit: Float64Array;
  readonly vcpuLimit: Float64Array;
  /** Network and displacement cost since the start; only differences mean anything. */
  network = 0;
  displacement = 0;
  /** The excess, host-on and over-limit cost of both hosts. */
  hosts = 0;
  /** Whether no move changes the hosts' cost now: then `saving` is the whole gain. */
  flat = false;
  readonly #after = new Float64Array(1);
  readonly #gains: Float64Array;
  /** The curves that some single move could reach from here. */
  readonly #reach = { nic: false, cpu: false, memory: false };
  /**
   * The sides that are above a hard limit to begin with. The others may get above theirs on a search's way to an
   * exchange that is allowed, which is no cost of it.
   */
  readonly #above: BySide<boolean>;
  readonly #apart: GroupState;
  readonly #together: GroupState;

  constructor(board: Board) {
    this.board = board;
    const { load, capacity } = board;
    this.side = new Uint8Array(board.side);
    this.cut = new Float64Array(this.side.length);
    this.saving = new Float64Array(this.side.length);
    this.#gains = new Float64Array(this.side.length);
    const bothSides = (of: (side: Side) => number) => new Float64Array([of(0), of(1)]);
    this.memoryBytes = bothSides((s) => load[s].memoryBytes);
    this.vcpus = bothSides((s) => load[s].vcpus);
    this.cpu = bothSides((s) => load[s].cpu);
    this.nic = bothSides((s) => load[s].nicBitsPerSecond);
    this.memoryLimit = bothSides((s) =>
      Math.max(load[s].memoryBytes, capacity[s].memoryLimitBytes),
    );
    this.vcpuLimit = bothSides((s) => Math.max(load[s].vcpus, capacity[s].vcpuLimit));
    this.#above = [
      overLimitCost(load[0], capacity[0]) > 0,
      overLimitCost(load[1], capacity[1]) > 0,
    ];
    this.#apart = new GroupState(board.apart);
    this.#together = new GroupState(board.together);
    for (let i = 0; i < this.side.length; i++) {
      for (let e = at(board.firstEdge, i); e < at(board.firstEdge, i + 1); e++) {
        const together = this.side[at(board.edgeTo, e)] === this.side[i];
        add(this.cut, i, together ? at(board.edgeRate, e) : -at(board.edgeRate, e));
      }
      const from = this.sideOf(i);
      this.saving[i] = -this.#networkChange(i, from) - this.#displacementChange(i, from);
    }
    this.#weigh();
  }

  sideOf(offer: number): Side {
    return this.side[offer] === 0 ? 0 : 1;
  }

  /** Moves one claim to the other side; moving it again undoes it. O(edges of the offer). */
  move(offer: number): void {
    const { board, side, cut, saving } = this;
    const from = this.sideOf(offer);
    const to = otherSide(from);
    this.network += this.#networkChange(offer, from);
    this.displacement += this.#displacementChange(offer, from);
    const direction = from === 0 ? 1 : -1;
    const cutChange = at(cut, offer);
    add(this.nic, 0, direction * at(board.nicShift[0], offer) + cutChange);
    add(this.nic, 1, direction * at(board.nicShift[1], offer) + cutChange);
    shift(this.memoryBytes, from, to, at(board.memoryBytes, offer));
    shift(this.vcpus, from, to, at(board.vcpus, offer));
    shift(this.cpu, from, to, at(board.cpu, offer));
    this.#apart.move(offer, from, to);
    this.#together.move(offer, from, to);
    side[offer] = to;
    cut[offer] = -cutChange;
    saving[offer] = -at(saving, offer);
    const { firstEdge, edgeTo, edgeRate, cutCost } = board;
    const end = firstEdge[offer + 1] as number;
    for (let e = firstEdge[offer] as number; e < end; e++) {
      const partner = edgeTo[e] as number;
      const rate = edgeRate[e] as number;
      const twice = 2 * (side[partner] === to ? rate : -rate);
      (cut[partner] as number) += twice;
      (saving[partner] as number) -= cutCost * twice;
    }
    this.#weigh();
  }

  /** By how much the cost falls when one claim moves; the limits are another matter. O(1). */
  gain(offer: number): number {
    const saved = at(this.saving, offer);
    if (this.flat) return saved;
    this.#weighAfter(offer);
    return saved + this.hosts - at(this.#after, 0);
  }

  /**
   * The gains of the claims that are marked, and (unless it is undefined) on that side; what stands at the others means
   * nothing. Good until the next move or call.
   */
  gains(marked: Uint8Array, on: Side | undefined): Float64Array {
    if (this.flat) return this.saving;
    const { side, saving, hosts } = this;
    const gains = this.#gains;
    for (let i = 0; i < gains.length; i++) {
      if (marked[i] === 0 || (on !== undefined && side[i] !== on)) continue;
      this.#weighAfter(i);
      gains[i] = (saving[i] as number) + hosts - (this.#after[0] as number);
    }
    return gains;
  }

  /** Everything that an exchange can change; the gain of an exchange is a difference of two of these. */
  cost(): number {
    return this.network + this.displacement + this.hosts;
  }

  /**
   * What both hosts would cost, into `#after`; curves that no single move reaches are left out, for they are 0. This is
   * what a search does most, and a number that is handed back would be put on the heap each time.
   */
  #weighAfter(offer: number): void {
    const { nic, cpu, memory } = this.#reach;
    this.#after[0] = 0;
    if (nic) this.#addNicAfter(offer);
    if (cpu) this.#addCpuAfter(offer);
    if (memory) this.#addMemoryAfter(offer);
    if (this.#above[0] || this.#above[1] || this.board.parameters.hostOn !== undefined)
      this.#addRestAfter(offer);
  }

  #addNicAfter(offer: number): void {
    const { nicShift, curves } = this.board;
    const { 0: zero, 1: one } = curves.nic;
    const direction = this.side[offer] === 0 ? 1 : -1;
    const cut = at(this.cut, offer);
    const costZero = zero.cost(at(this.nic, 0) + direction * at(nicShift[0], offer) + cut);
    const costOne = one.cost(at(this.nic, 1) + direction * at(nicShift[1], offer) + cut);
    add(this.#after, 0, costZero + costOne);
  }

  #addCpuAfter(offer: number): void {
    const { 0: zero, 1: one } = this.board.curves.cpu;
    const shifted = this.side[offer] === 0 ? at(this.board.cpu, offer) : -at(this.board.cpu, offer);
    const costs = zero.cost(at(this.cpu, 0) - shifted) + one.cost(at(this.cpu, 1) + shifted);
    add(this.#after, 0, costs);
  }

  #addMemoryAfter(offer: number): void {
    const { 0: zero, 1: one } = this.board.curves.memory;
    const bytes = at(this.board.memoryBytes, offer);
    const shifted = this.side[offer] === 0 ? bytes : -bytes;
    const costZero = zero.cost(at(this.memoryBytes, 0) - shifted);
    const costOne = one.cost(at(this.memoryBytes, 1) + shifted);
    add(this.#after, 0, costZero + costOne);
  }

  /** What being on costs, and being above a limit: hardly ever anything. */
  #addRestAfter(offer: number): void {
    const direction = this.side[offer] === 0 ? 1 : -1;
    const bytes = direction * at(this.board.memoryBytes, offer);
    const vcpus = direction * at(this.board.vcpus, offer);
    for (const s of SIDES) {
      const sign = s === 0 ? -1 : 1;
      const held = at(this.memoryBytes, s) + sign * bytes;
      const used = at(this.vcpus, s) + sign * vcpus;
      add(this.#after, 0, this.#hostOn(s, used, held) + this.#overLimit(s, used, held));
    }
  }

  #hostOn(side: Side, vcpus: number, memoryBytes: number): number {
    const { parameters, capacity } = this.board;
    if (!parameters.hostOn) return 0;
    return hostOnCost(parameters.hostOn, vcpus, memoryBytes, capacity[side].memoryLimitBytes);
  }

  #overLimit(side: Side, vcpus: number, memoryBytes: number): number {
    if (!this.#above[side]) return 0;
    return overLimitCost({ memoryBytes, vcpus }, this.board.capacity[side]);
  }

  /** Brings `hosts` and `flat` up to date with the loads. */
  #weigh(): void {
    const { largest, curves, parameters } = this.board;
    const { 0: nic0, 1: nic1 } = curves.nic;
    const { 0: cpu0, 1: cpu1 } = curves.cpu;
    const { 0: memory0, 1: memory1 } = curves.memory;
    const { 0: sent0 = 0, 1: sent1 = 0 } = this.nic;
    const { 0: busy0 = 0, 1: busy1 = 0 } = this.cpu;
    const { 0: held0 = 0, 1: held1 = 0 } = this.memoryBytes;
    const reach = this.#reach;
    reach.nic = sent0 + largest.nic > nic0.free || sent1 + largest.nic > nic1.free;
    reach.cpu = busy0 + largest.cpu > cpu0.free || busy1 + largest.cpu > cpu1.free;
    reach.memory =
      held0 + largest.memoryBytes > memory0.free || held1 + largest.memoryBytes > memory1.free;
    let hosts = 0;
    if (reach.nic) hosts += nic0.cost(sent0) + nic1.cost(sent1);
    if (reach.cpu) hosts += cpu0.cost(busy0) + cpu1.cost(busy1);
    if (reach.memory) hosts += memory0.cost(held0) + memory1.cost(held1);
    hosts += this.#hostOn(0, at(this.vcpus, 0), held0) + this.#hostOn(1, at(this.vcpus, 1), held1);
    hosts += this.#overLimit(0, at(this.vcpus, 0), held0);
    hosts += this.#overLimit(1, at(this.vcpus, 1), held1);
    this.hosts = hosts;
    const isAbove = this.#above[0] || this.#above[1];
    this.flat =
      !reach.nic && !reach.cpu && !reach.memory && parameters.hostOn === undefined && !isAbove;
  }

  /** Whether both hosts are within their limits, no group rule is broken, and the moves could begin. */
  allowed(): boolean {
    return (
      !this.overfull(0) &&
      !this.overfull(1) &&
      this.#apart.beyond === 0 &&
      this.#together.beyond === 0 &&
      this.canBegin()
    );
  }

  /** Two full hosts may have no room for the first of the moves. */
  canBegin(): boolean {
    if (!this.board.isTight) return true;
    return canBegin(this.board, this.side, this.#above[0] && this.#above[1]);
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
      cutCost * at(this.cut, offer)
    );
  }

  #displacementChange(offer: number, from: Side): number {
    const { displacementAt } = this.board;
    return at(displacementAt[otherSide(from)], offer) - at(displacementAt[from], offer);
  }
}

const SIDES = [0, 1] as const;

/** Loads come from sums in floating point on two hosts: a byte, and a millionth of a vCPU, are no limit broken. */
export const ROUNDING_BYTES = 1;
export const ROUNDING_VCPUS = 1e-6;

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
