/** Numbers of libvirt's public API (include/libvirt/libvirt-domain.h), as far as they are in use here. */

/** virDomainState. */
export const domainState = {
  noState: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  suspended: 7,
} as const;

/** virDomainPausedReason, the ones that a migration gives. */
export const pausedReason = { user: 1, migration: 2, startingUp: 11, postcopy: 12 } as const;

/** virDomainXMLFlags. */
export const xmlFlag = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;

/** virConnectListAllDomainsFlags. */
export const listFlag = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  hasSnapshot: 4096,
} as const;

/** virDomainStatsTypes. */
export const statisticsGroup = {
  state: 1,
  cpu: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  dirtyRate: 512,
} as const;

/** virConnectGetAllDomainStatsFlags. `noWait` leaves out what a domain that is busy with a job cannot tell. */
export const statisticsFlag = { active: 1, running: 16, paused: 32, noWait: 0x2000_0000 } as const;

/** virDomainMigrateFlags. */
export const migrateFlag = {
  live: 1,
  peer2peer: 2,
  persistDest: 8,
  undefineSource: 16,
  paused: 32,
  nonSharedDisk: 64,
  changeProtection: 256,
  unsafe: 512,
  abortOnError: 4096,
  autoConverge: 8192,
  parallel: 131_072,
} as const;

/** virDomainJobType. */
export const jobType = {
  none: 0,
  bounded: 1,
  unbounded: 2,
  completed: 3,
  failed: 4,
  cancelled: 5,
} as const;

/** virDomainJobOperation. */
export const jobOperation = { migrationIn: 4, migrationOut: 5 } as const;

/** virDomainGetJobStatsFlags. */
export const jobStatisticsFlag = { completed: 1, keepCompleted: 2 } as const;

/** virDomainEventID, the ones this client decodes. */
export const eventId = {
  lifecycle: 0,
  migrationIteration: 20,
  jobCompleted: 21,
  metadataChange: 23,
} as const;

/** virDomainEventType. */
export const lifecycleEvent = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  suspendedByGuest: 7,
  crashed: 8,
} as const;

/** virDomainEventStartedDetailType, virDomainEventStoppedDetailType and so on: `migrated` of each. */
export const lifecycleDetail = {
  startedMigrated: 1,
  suspendedMigrated: 1,
  resumedMigrated: 1,
  stoppedMigrated: 3,
} as const;

/** virDomainModificationImpact. */
export const impact = { current: 0, live: 1, config: 2 } as const;

/** virDomainMetadataType. */
export const metadataType = { description: 0, title: 1, element: 2 } as const;

/** virDomainUndefineFlagsValues. */
export const undefineFlag = {
  managedSave: 1,
  snapshotsMetadata: 2,
  nvram: 4,
  keepNvram: 8,
} as const;

/** virDomainDirtyRateStatus. */
export const dirtyRateStatus = { unstarted: 0, measuring: 1, measured: 2 } as const;

/** REMOTE_AUTH_*. */
export const authentication = { none: 0, sasl: 1, polkit: 2 } as const;

/** VIR_DRV_FEATURE_PROGRAM_KEEPALIVE: asking for it makes libvirtd start its own pings. */
export const keepaliveFeature = 10;
