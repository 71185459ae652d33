/**
 * Lets the lab's tests end this process at the worst moments: with BARTER_CRASH_AT set, the agent kills
 * itself (SIGKILL, no clean-up, like a power cut) right after the named thing has happened. Does nothing
 * unless the variable is set.
 */

import type { Hypervisor, Journal, JournalRecord } from '@barter/core';

export const crashPoints = [
  'deal-accepted',
  'deal-committed',
  'migration-running',
  'migration-done',
] as const;
/** For movers, which inherit it: the order to run the domain stops at the target's, which stands still with it. */
export const orderHeld = 'order-held';
/** The source's mover dies once libvirtd has the answer, before the guest's QEMU may go on: libvirt waits for its end. */
export const orderAnswered = 'order-answered';

export type CrashPoint = (typeof crashPoints)[number];

export function crashPointOf(environment: NodeJS.ProcessEnv): CrashPoint | undefined {
  return crashPoints.find((point) => point === environment.BARTER_CRASH_AT);
}

/** The journal that dies right after a deal's acceptance or commitment became durable. */
export function crashingJournal(journal: Journal, point: CrashPoint | undefined): Journal {
  if (point !== 'deal-accepted' && point !== 'deal-committed') return journal;
  const fatal = (record: JournalRecord): boolean =>
    record.kind === 'deal' && `deal-${record.value?.phase}` === point;
  return {
    load: () => journal.load(),
    async append(records) {
      await journal.append(records);
      if (records.some(fatal)) die();
    },
  };
}

/** The hypervisor that dies once memory moves, or when a migration has ended and nobody knows yet. */
export function crashingHypervisor(
  hypervisor: Hypervisor,
  point: CrashPoint | undefined,
): Hypervisor {
  if (point !== 'migration-running' && point !== 'migration-done') return hypervisor;
  return {
    sample: () => hypervisor.sample(),
    onEvent: (listener) => hypervisor.onEvent(listener),
    abortMigration: (domain) => hypervisor.abortMigration(domain),
    inspect: (domain) => hypervisor.inspect(domain),
    resume: (domain) => hypervisor.resume(domain),
    discard: (domain) => hypervisor.discard(domain),
    refuseArrival: (settlement, domain) => hypervisor.refuseArrival(settlement, domain),
    close: () => hypervisor.close(),
    async migrate(order, onProgress) {
      const result = await hypervisor.migrate(order, (progress) => {
        if (point === 'migration-running' && progress.bytesSent > 0) die();
        onProgress(progress);
      });
      if (result.outcome === 'moved') die();
      return result;
    },
  };
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable: SIGKILL was sent to this process');
}
