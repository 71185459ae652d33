/**
 * The way by which domains leave here, after their migration: whether its mover keeps libvirtd waiting for an answer
 * that got lost (order-guard.ts), and how that ends. Without movers (the plain paths) nothing ever waits.
 */

import { closeMover, listMovers } from './control.ts';

export type DepartureWay = Readonly<{
  /** The order to run the domain was passed on, and its answer is overdue or lost. */
  isHeld(domain: string): Promise<boolean>;
  /** A mover stands between libvirt and the way, as it has since the migration began. */
  isGuarded(domain: string): Promise<boolean>;
  /** Ends every way by which the domain leaves: libvirt, if it waits still, resumes the source's copy. */
  close(domain: string): Promise<void>;
}>;

export function departureWay(runDirectory: string): DepartureWay {
  const leaving = async (domain: string) =>
    (await listMovers(runDirectory)).filter(
      (mover) => mover.role === 'source' && mover.domain === domain,
    );
  return {
    isHeld: async (domain) => (await leaving(domain)).some(({ held }) => held),
    isGuarded: async (domain) => (await leaving(domain)).length > 0,
    async close(domain) {
      for (const { settlement } of await leaving(domain)) {
        const closed = await closeMover(runDirectory, settlement, 'source');
        if (!closed.ok) throw new Error(closed.message);
      }
    },
  };
}
