/**
 * The dice of a fuzz run: seeded, fast, and made anew for every input, so that any input can be made
 * again from the seed and its number alone.
 */

export class Dice {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = mix(mix(seed) ^ Math.imul(index + 1, 0x9e37_79b1));
  }

  /** A whole number from 0 to 2^32 − 1. */
  word(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    return mix(this.#state) >>> 0;
  }

  /** A whole number from 0 to `max` − 1; 0 when there is nothing to choose from. */
  below(max: number): number {
    return max <= 1 ? 0 : this.word() % max;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** Mostly short: half as many of each length twice as long. */
  length(max: number): number {
    return this.below(Math.min(max, 2 ** this.below(Math.ceil(Math.log2(max + 1)) + 1)) + 1);
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.word();
    return bytes;
  }
}

/** The finaliser of MurmurHash3: every bit of the input changes about half of the output's. */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
