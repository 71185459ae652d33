/** What happens in a simulated world, what can be made to fail in it, and how a migration in it ends. */

import type { HostId, MigrationResult, SettlementId } from '@barter/core';

export type WorldEvent =
  | Readonly<{ kind: 'started'; atMs: number; host: HostId; domain: string }>
  | Readonly<{ kind: 'stopped'; atMs: number; host: HostId; domain: string; migrated: boolean }>
  /** An agent let a copy run on that a migration had left paused; `started` follows. */
  | Readonly<{ kind: 'resumed'; atMs: number; host: HostId; domain: string }>
  | Readonly<{ kind: 'redefined'; atMs: number; host: HostId; domain: string }>
  | Readonly<{ kind: 'reachable'; atMs: number; host: HostId; reachable: boolean }>
  | Readonly<{
      kind: 'migration-started';
      atMs: number;
      host: HostId;
      domain: string;
      target: HostId;
    }>
  | Readonly<{
      kind: 'migration-ended';
      atMs: number;
      host: HostId;
      domain: string;
      target: HostId;
      /** What really happened, also where the source did not see it. */
      moved: boolean;
      bytes: number;
      durationMs: number;
      downtimeMs: number;
      detail: string;
    }>
  | Readonly<{ kind: 'traffic-changed'; atMs: number }>;

/** What goes wrong with the next migration that the fault fits. `fraction` is how far the copy gets. */
export type MigrationFault =
  | Readonly<{ kind: 'refused'; code: string; detail: string }>
  | Readonly<{ kind: 'broken'; fraction: number; detail: string }>
  /** Stops getting on, and ends only when it is aborted. */
  | Readonly<{ kind: 'hang'; fraction: number }>
  /**
   * Libvirt dies on one side when the copy is complete. `handedOver`: the target had begun to run the domain.
   * `waits`: it has everything and waits to be told to run it; the order comes that much later, or never.
   * `leaves`: the source ended its copy, and only the definition is left there.
   * See `hardship.ts` for what is left where.
   */
  | Readonly<{
      kind: 'libvirt-died';
      side: 'source' | 'target';
      handedOver: boolean;
      waits?: Readonly<{ orderAfterMs: number | null }>;
      leaves?: 'definition';
    }>
  /** The domain arrives (or stays), and the source is not told. */
  | Readonly<{ kind: 'moved-unseen'; detail: string }>
  | Readonly<{ kind: 'stayed-unseen'; detail: string }>;

export type MigrationRequest = Readonly<{
  settlement: SettlementId;
  domain: string;
  source: HostId;
  target: HostId;
  leaseMs: number;
}>;

export type MigrationDone = (result: MigrationResult) => void;
