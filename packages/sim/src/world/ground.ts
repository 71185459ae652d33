/**
 * What a simulated world is made of: its hosts, the domains on them and the migrations under way; and what whatever happens
 * in it (migrations, hardship) needs of the world, which is driven by its own clock.
 */

import type {
  DomainId,
  HostCapacity,
  HostId,
  HostLoad,
  HypervisorSample,
  Policy,
  SettlementId,
} from '@barter/core';
import type { MigrationCourse } from './migration-course.ts';
import type { TrafficMatrix } from './traffic-matrix.ts';
import type { MigrationDone, WorldEvent } from './world-event.ts';

export type WorldDomain = {
  readonly index: number;
  readonly id: DomainId;
  readonly address: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
  cpu: number;
  dirtyBytesPerSecond: number;
  policy: Policy;
  blocked: string | undefined;
  migration: Migration | undefined;
  /**
   * Sent in full to these targets, which wait to be told to run it; nobody works on it at the source any more. Several when
   * it was resumed there by hand and sent to another host.
   */
  readonly waiting: Map<WorldHost, Migration>;
};

export type WorldHost = {
  readonly index: number;
  readonly id: HostId;
  readonly capacity: HostCapacity;
  readonly location: readonly string[];
  readonly running: Set<WorldDomain>;
  /** Memory is taken at the target from the first byte of a migration on. */
  readonly arriving: Set<WorldDomain>;
  /** Copies that libvirt left behind when it died in a migration: not running, and holding their memory. */
  readonly paused: Set<WorldDomain>;
  /** Domains that an administrator shut down here: still defined. */
  readonly shutOff: Set<WorldDomain>;
  reachable: boolean;
  sample: HypervisorSample | undefined;
  /** What it carried when that was last asked, by which sample and which of the changes of rates. */
  load: Readonly<{ sample: HypervisorSample; changes: number; load: HostLoad }> | undefined;
};

export type Migration = {
  readonly settlement: SettlementId;
  readonly domain: WorldDomain;
  readonly source: WorldHost;
  readonly target: WorldHost;
  readonly course: MigrationCourse;
  readonly startedAtMs: number;
  readonly bandwidthBytesPerSecond: number;
  /** Where a fault stops it; Infinity when none does. */
  readonly stuckAtMs: number;
  readonly done: MigrationDone;
};

/** The world as what happens in it sees and changes it. */
export interface Ground {
  readonly hosts: readonly WorldHost[];
  readonly traffic: TrafficMatrix;
  nowMs(): number;
  at(atMs: number, action: () => void): void;
  emit(event: WorldEvent): void;
  host(id: string): WorldHost;
  hasHost(id: string): boolean;
  domain(id: string): WorldDomain | undefined;
  hostsRunning(domain: WorldDomain): readonly WorldHost[];
  load(hostId: string): HostLoad;
  start(domain: WorldDomain, host: WorldHost): void;
  stop(domain: WorldDomain, host: WorldHost, migrated: boolean): void;
  setReachable(hostId: string, reachable: boolean): void;
}
