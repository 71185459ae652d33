/**
 * The words of Barter as types: hosts, domains, claims, books and load summaries.
 *
 * Everything here is plain data that survives JSON unchanged. Units are the last part of a name:
 * `memoryBytes`, `bitsPerSecond`, `leaseMs`. CPU is counted in cores (1.5 = one and a half busy
 * cores), virtual CPUs in `vcpus`.
 */

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** A host, named by its agent's peer id (in simulations by the id of the cluster file). */
export type HostId = Id<'HostId'>;
/** A domain (virtual machine), named by its libvirt UUID. */
export type DomainId = Id<'DomainId'>;
export type DealId = Id<'DealId'>;
export type SettlementId = Id<'SettlementId'>;

/** A host's place, outermost level first: `['pod1', 'rack3']`. */
export type Location = readonly string[];

/** `observe` measures only, `advise` recommends and waits for approval, `auto` acts. */
export type Mode = 'observe' | 'advise' | 'auto';

/** Placement rules of one domain. Hosts are named by host id or host name. */
export type Policy = Readonly<{
  frozen?: true;
  pin?: readonly string[];
  keepApart?: string;
  keepTogether?: string;
}>;

/** What a host has, and what may be used of it. The limits are hard: no deal breaks them. */
export type HostCapacity = Readonly<{
  memoryBytes: number;
  vcpus: number;
  nicBitsPerSecond: number;
  /** On paper: capacity × overcommit − headroom. Held claims stay within it. */
  memoryLimitBytes: number;
  vcpuLimit: number;
  /** While domains are moving: capacity × overcommit. Running and incoming domains stay within it. */
  memoryTransientBytes: number;
}>;

/** What a domain is and needs; measured or read by its home. */
export type DomainTraits = Readonly<{
  name: string;
  /** Maximum memory plus the hypervisor's overhead: what the host must have, not what the guest sees free. */
  memoryBytes: number;
  vcpus: number;
  /** Busy cores, smoothed. */
  cpu: number;
  dirtyBytesPerSecond: number;
  /** What one live migration is expected to send (see `migration.ts`); Infinity never appears: such a domain is `blocked`. */
  migrationBytes: number;
  policy: Policy;
}>;

/** One entry of a traffic row. `external` is everything outside the cluster. */
export type Rate = Readonly<{ partner: DomainId | 'external'; bitsPerSecond: number }>;

/** One domain's measured rates to the endpoints it talks to: both directions added, smoothed. */
export type TrafficRow = readonly Rate[];

/**
 * The right, on paper, to be a domain's host. Every domain has exactly one claim. The home, where the
 * domain is running, is the authority for it: the version only grows, and the highest one is true.
 */
export type Claim = Readonly<{ domain: DomainId; home: HostId; holder: HostId; version: number }>;

/** A claim in a book, with what prices it. */
export type Offer = Readonly<{ claim: Claim; traits: DomainTraits; row: TrafficRow }>;

/**
 * A host's paper load: the sum over the claims it holds, tradable or not. `cpu` also counts what the
 * host itself uses; memory does not, because the limits already leave the headroom out.
 */
export type HostLoad = Readonly<{
  memoryBytes: number;
  vcpus: number;
  cpu: number;
  /** What crosses the uplink: traffic between two domains on this host does not count. */
  nicBitsPerSecond: number;
}>;

/**
 * The claims a host is willing to trade, with the rows that price them, and what the other side
 * needs to know to compute the exact gain of an exchange.
 */
export type Book = Readonly<{
  host: HostId;
  name: string;
  location: Location;
  capacity: HostCapacity;
  load: HostLoad;
  offers: readonly Offer[];
  /** Policy groups of claims that this host holds and does not offer (a group appears once for each claim). */
  fixed: Readonly<{ keepApart: readonly string[]; keepTogether: readonly string[] }>;
  /** Where the partners named in the rows are held, as this host knows it; absent = unknown. */
  partners: readonly Readonly<{
    domain: DomainId;
    holder: HostId;
    location: Location;
    version: number;
    /** Whom to ask about the domain; it does not count in the price. */
    home?: HostId;
  }>[];
  /** Which claims it holds, as its load summary counts them; absent in books of an older version. */
  revision?: number;
}>;

/** What moves in one deal: `give` from the proposer to the responder, `take` the other way. */
export type Exchange = Readonly<{ give: readonly DomainId[]; take: readonly DomainId[] }>;

/** What a home announces about one of its domains. */
export type DomainNotice = Readonly<{
  domain: DomainId;
  name: string;
  holder: HostId;
  version: number;
  /** MAC addresses, lower case, colons. */
  addresses: readonly string[];
}>;

/** Where a domain is, as anybody tells it. */
export type Whereabouts = DomainNotice & Readonly<{ home: HostId }>;

/** What a host is called, and where it stands. */
export type HostPlace = Readonly<{ host: HostId; name: string; location: Location }>;

/** What a host has left beside the domains that run there or are about to arrive. */
export type HostRoom = Readonly<{ memoryBytes: number; vcpus: number }>;

/** What a host tells its partners and a few others every few seconds. `sequence` only grows, also across restarts. */
export type LoadSummary = Readonly<{
  host: HostId;
  name: string;
  sequence: number;
  location: Location;
  mode: Mode;
  stopped: boolean;
  capacity: HostCapacity;
  load: HostLoad;
  /** True while the measurements behind this summary are complete and fresh. */
  measured: boolean;
  /** How many domains run there. */
  domains: number;
  /** What may still arrive there now; absent in summaries of an older version. */
  room?: HostRoom;
  /** Another number whenever the claims held there are others: what did not pay before may pay now. */
  revision: number;
  /** For how long no deal of this host has saved much. */
  tradedMsAgo: number;
}>;

/** A domain as the hypervisor and the traffic probe see it on this host now. */
export type DomainSample = Readonly<{
  domain: DomainId;
  traits: Omit<DomainTraits, 'migrationBytes'>;
  addresses: readonly string[];
  state: 'running' | 'paused' | 'other';
  /** Why libvirt would not migrate it (one sentence); such a domain is treated as frozen. */
  blocked?: string;
  /** Rates by MAC address of the other endpoint, both directions added, smoothed. */
  rates: readonly Readonly<{ address: string; bitsPerSecond: number }>[];
}>;

/** One complete measurement of this host. */
export type HostSample = Readonly<{
  capacity: HostCapacity;
  /** Busy cores and bytes used by the host itself, outside any domain. */
  hostCpu: number;
  hostMemoryBytes: number;
  domains: readonly DomainSample[];
  /** False while the probe has not yet seen a whole smoothing window, or lost count. */
  trafficMeasured: boolean;
  /** False outside the configured migration windows: trading goes on, nothing migrates. */
  migrationWindowOpen: boolean;
}>;
