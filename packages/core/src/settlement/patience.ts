/** How long a claim may wait to be settled, as far as that is known beforehand. */

import { givenUpMs } from '../claims/claim.ts';
import type { HostTiming } from '../config.ts';

/** Trading that goes on holds settlement up for this many times the time that a claim has to rest. */
export const patience = 5;
/** A move that takes the whole payback time to pay waits for so many times what every claim has to rest. */
export const paceMax = 5;
/**
 * One that pays in a hundredth of that waits for a 16th. In proportion (1) the good ones would all go at once, in
 * any order; with the square root everybody waits for longer, and the order is hardly better (ADR 0006).
 */
export const paceExponent = 0.6;
/** Before a claim is given up for want of room: so many times the rest of a claim, and at least this long. */
const giveUpRests = 10;
const giveUpMinMs = 300_000;

/** For so long nothing has moved on a host before it gives a claim back for want of room. */
export function giveUpAfterMs({ settleAfterMs }: Pick<HostTiming, 'settleAfterMs'>): number {
  return Math.max(giveUpMinMs, giveUpRests * settleAfterMs);
}

/** So many failures in a row are no bad moment any more: the guest dirties memory too fast, or its target cannot run it. */
const stubbornMin = 6;

/**
 * How long a domain rests after its migration has failed, having failed so many times in a row before. Soon again at
 * first; what fails every time is tried a few times a day, because every attempt fills an uplink for as long as it lasts.
 */
export function pauseAfterFailureMs(
  failures: number,
  { backoffMs, backoffMaxMs }: Pick<HostTiming, 'backoffMs' | 'backoffMaxMs'>,
): number {
  if (failures < stubbornMin) return Math.min(backoffMaxMs, backoffMs * 2 ** failures);
  return Math.min(givenUpMs, backoffMaxMs * 2 ** Math.min(failures - stubbornMin + 1, 16));
}
