/** The two sides of an exchange: 0 is the proposer, 1 the responder. */
export type Side = 0 | 1;

/** One value for each side. */
export type BySide<Value> = readonly [Value, Value];

export function otherSide(side: Side): Side {
  return side === 0 ? 1 : 0;
}
