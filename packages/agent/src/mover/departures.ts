/**
 * The way by which domains leave here, after their migration: whether libvirtd waits for an answer that got lost
 * (order-guard.ts) or the domain's QEMU stands still until somebody knows (standstill.ts), and how that ends. Without
 * movers (the plain paths) nothing ever waits.
 */

import { closeMover, listMovers } from './control.ts';
import { endStandstill, standstillsOf } from './standstill.ts';

export type DepartureWay = Readonly<{
  /**
   * The order to run the domain was passed on, and its answer is overdue or lost: nobody works on the migration any
   * more, whatever libvirt says, and calls that need the domain's QEMU may wait for ever.
   */
  isHeld(domain: string): Promise<boolean>;
  /** A mover stands between libvirt and the way, as it has since the migration began. */
  isGuarded(domain: string): Promise<boolean>;
  /**
   * Ends every way by which the domain leaves, and lets its QEMU go on: libvirt, if it waits still, resumes the source's
   * copy. Only for a domain that has never run at its target and never will. True when libvirt does that by itself.
   */
  close(domain: string): Promise<boolean>;
  /** Kills the domain's QEMU where it stands still: it never runs again. True when there was one. */
  kill(domain: string): Promise<boolean>;
}>;

export function departureWay(runDirectory: string): DepartureWay {
  const leaving = async (domain: string) =>
    (await listMovers(runDirectory)).filter(
      (mover) => mover.role === 'source' && mover.domain === domain,
    );
  return {
    async isHeld(domain) {
      const movers = await leaving(domain);
      if (movers.some(({ held }) => held)) return true;
      // Of those that wait as they should, the answer is to come.
      return (
        !movers.some(({ ordered }) => ordered) && standstillsOf(runDirectory, domain).length > 0
      );
    },
    isGuarded: async (domain) => (await leaving(domain)).length > 0,
    async close(domain) {
      const movers = await leaving(domain);
      for (const { settlement } of movers) {
        const closed = await closeMover(runDirectory, settlement, 'source');
        if (!closed.ok) throw new Error(closed.message);
      }
      for (const { mark } of standstillsOf(runDirectory, domain)) endStandstill(mark);
      return movers.some(({ held }) => held);
    },
    async kill(domain) {
      const still = standstillsOf(runDirectory, domain);
      for (const { qemu } of still) process.kill(qemu.pid, 'SIGKILL');
      return still.length > 0;
    },
  };
}
