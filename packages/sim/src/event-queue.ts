/**
 * What is to happen when, in order of time: a binary heap. Events of the same moment come out in the
 * order in which they went in, so that a simulation does not depend on how the heap is laid out.
 *
 * Times stand in an array of their own: a large simulation compares them a hundred million times.
 */

const sizeMin = 1_024;

export class EventQueue<Item> {
  #atMs = new Float64Array(sizeMin);
  #sequences = new Float64Array(sizeMin);
  readonly #items: Item[] = [];
  #sequence = 0;

  get size(): number {
    return this.#items.length;
  }

  /** When the next event is due; undefined when there is none. */
  get nextAtMs(): number | undefined {
    return this.#items.length === 0 ? undefined : this.#atMs[0];
  }

  push(atMs: number, item: Item): void {
    const sequence = this.#sequence++;
    const items = this.#items;
    let index = items.length;
    items.push(item);
    if (index === this.#atMs.length) this.#grow();
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#isBefore(atMs, sequence, above)) break;
      this.#move(above, index);
      index = above;
    }
    this.#put(index, atMs, sequence, item);
  }

  /** Takes the next event out; undefined when there is none. */
  pop(): Item | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    const { length } = items;
    if (first === undefined || last === undefined || length === 0) return first;
    const atMs = this.#atMs[length] as number;
    const sequence = this.#sequences[length] as number;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= length) break;
      const right = below + 1;
      if (right < length && this.#isRightFirst(below, right)) below = right;
      if (this.#isBefore(atMs, sequence, below)) break;
      this.#move(below, index);
      index = below;
    }
    this.#put(index, atMs, sequence, last);
    return first;
  }

  #isBefore(atMs: number, sequence: number, other: number): boolean {
    const otherAtMs = this.#atMs[other] as number;
    return (
      atMs < otherAtMs || (atMs === otherAtMs && sequence < (this.#sequences[other] as number))
    );
  }

  #isRightFirst(left: number, right: number): boolean {
    return this.#isBefore(this.#atMs[right] as number, this.#sequences[right] as number, left);
  }

  #move(from: number, to: number): void {
    this.#put(
      to,
      this.#atMs[from] as number,
      this.#sequences[from] as number,
      this.#items[from] as Item,
    );
  }

  #put(index: number, atMs: number, sequence: number, item: Item): void {
    this.#atMs[index] = atMs;
    this.#sequences[index] = sequence;
    this.#items[index] = item;
  }

  #grow(): void {
    const longer = (numbers: Float64Array) => {
      const grown = new Float64Array(2 * numbers.length);
      grown.set(numbers);
      return grown;
    };
    this.#atMs = longer(this.#atMs);
    this.#sequences = longer(this.#sequences);
  }
}
