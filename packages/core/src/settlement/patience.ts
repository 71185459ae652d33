/** How long a claim may wait to be settled, as far as that is known beforehand. */

import type { HostTiming } from '../state.ts';

/** Trading that goes on holds settlement up for this many times the time that a claim has to rest. */
export const patience = 5;
/** A move that takes the whole payback time to pay waits for so many times what every claim has to rest. */
export const paceMax = 5;
/**
 * One that pays in a hundredth of that waits for a 25th. In proportion (1) the good ones would all go at once, in
 * any order; with the square root everybody waits for longer, and the order is hardly better (ADR 0006).
 */
export const paceExponent = 0.7;
/** Before a claim is given up for want of room: so many times the rest of a claim, and at least this long. */
const giveUpRests = 10;
const giveUpMinMs = 300_000;

/** For so long nothing has moved on a host before it gives a claim back for want of room. */
export function giveUpAfterMs({ settleAfterMs }: Pick<HostTiming, 'settleAfterMs'>): number {
  return Math.max(giveUpMinMs, giveUpRests * settleAfterMs);
}
