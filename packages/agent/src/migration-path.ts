/**
 * How a migration's bytes get from here to the target's libvirt and QEMU. `tunnel` (mover/) joins Unix
 * sockets over node:tls with one-time keys; `tls`, `ssh` and `tcp` are plain libvirt URIs.
 */

import type { MigrationOrder } from '@barter/core';
import type { Result } from './result.ts';

/** What the target is told and asked before anything is opened: it checks all of it on its side. */
export type MigrationFacts = Readonly<{
  name: string;
  uuid: string;
  memoryBytes: number;
  vcpus: number;
  /** The migratable XML (VIR_DOMAIN_XML_MIGRATABLE), capped at 128 KiB. */
  xml: string;
}>;

export type OpenPath = Readonly<{
  /** The target's libvirt, as the source's libvirtd reaches it. */
  destinationUri: string;
  /** VIR_MIGRATE_PARAM_URI; undefined lets libvirt choose. */
  migrateUri?: string;
  /** VIR_MIGRATE_PARAM_DISKS_URI; only with storage copying. */
  disksUri?: string;
  /** Ends the path at both sides; safe to call twice. */
  close(): Promise<void>;
}>;

export interface MigrationPath {
  /**
   * Asks the target to check and to open itself for this one settlement. Errors carry the target's
   * code (`no-lease`, `check-failed`, `expired`, …) and one sentence.
   */
  open(order: MigrationOrder, facts: MigrationFacts): Promise<Result<OpenPath>>;
}
