/** What a hypervisor says of a domain that may be migrating. */

/** Where a domain is, as this host's hypervisor knows it. */
export type DomainPresence =
  /** Running here, no migration under way. */
  | Readonly<{ state: 'running' }>
  /** A migration out of here is under way. */
  | Readonly<{ state: 'migrating-out' }>
  /** It is arriving here and not running yet. */
  | Readonly<{ state: 'arriving' }>
  /** `byMigration`: paused by a migration out of here that nobody works on any more; nothing else paused it. */
  | Readonly<{ state: 'paused'; detail: string; byMigration: boolean }>
  /** Defined but not running, or not known at all. */
  | Readonly<{ state: 'absent'; defined: boolean }>;
