/** MAC addresses as the probe writes them: lower case, colons. */

const pattern = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** One interface of one machine: not multicast or broadcast (IEEE 802: lowest bit of the first octet). */
export function isUnicast(address: string): boolean {
  return pattern.test(address) && (Number.parseInt(address.slice(0, 2), 16) & 1) === 0;
}

/** One key for both directions of a pair. */
export function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
