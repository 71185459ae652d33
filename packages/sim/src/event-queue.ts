/**
 * What is to happen when, in order of time: a binary heap. Events of the same moment come out in the
 * order in which they went in, so that a simulation does not depend on how the heap is laid out.
 */

type Entry<Item> = { readonly atMs: number; readonly sequence: number; readonly item: Item };

export class EventQueue<Item> {
  readonly #heap: Entry<Item>[] = [];
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the next event is due; undefined when there is none. */
  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  push(atMs: number, item: Item): void {
    const heap = this.#heap;
    const entry = { atMs, sequence: this.#sequence++, item };
    let index = heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry<Item>;
      if (!before(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  /** Takes the next event out; undefined when there is none. */
  pop(): Item | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) {
      let index = 0;
      for (;;) {
        let below = 2 * index + 1;
        if (below >= heap.length) break;
        const right = heap[below + 1];
        if (right !== undefined && before(right, heap[below] as Entry<Item>)) below++;
        const child = heap[below] as Entry<Item>;
        if (!before(child, last)) break;
        heap[index] = child;
        index = below;
      }
      heap[index] = last;
    }
    return first.item;
  }
}

function before<Item>(left: Entry<Item>, right: Entry<Item>): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence);
}
