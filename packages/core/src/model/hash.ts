/**
 * A hash that spreads texts evenly over 32 bits, the same on every host. Not for keys or signatures:
 * whoever chooses a text can choose its hash.
 */

/** FNV-1a over the UTF-16 units, then `mixed`, because FNV alone leaves the high bits of short texts alike. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return mixed(hash);
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the bits of the result. */
export function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A number in [0, 1) that belongs to a text: for pauses that differ from host to host. */
export function shareOf(text: string): number {
  return hashText(text) / 0x1_0000_0000;
}
