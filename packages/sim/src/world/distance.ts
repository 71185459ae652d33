/** How far apart two hosts are, from the location levels that they share. */

/**
 * `distance[1 + levels − shared]`, `shared` being the length of the common prefix; the caller knows
 * that the hosts differ (`distance[0]` is for one host). A host whose location is shorter counts as
 * sharing nothing below it.
 */
export function distanceBetween(
  distance: readonly number[],
  left: readonly string[],
  right: readonly string[],
): number {
  const levels = Math.max(left.length, right.length);
  let shared = 0;
  while (shared < levels && left[shared] !== undefined && left[shared] === right[shared]) shared++;
  const index = Math.min(1 + levels - shared, distance.length - 1);
  return distance[index] ?? 0;
}
