/** What the demo shows, as data: the screen draws it, a log prints its events, the summary counts it. */

export type DemoPhase = 'starting' | 'measuring' | 'trading' | 'moving' | 'quiet';

export type DemoView = Readonly<{
  phase: DemoPhase;
  elapsedSeconds: number;
  agentsUp: number;
  initialCost: number;
  cost: number;
  /** The cost once everything that is agreed has been carried out. */
  paperCost: number;
  hosts: readonly HostView[];
  moving: readonly MovingView[];
  events: readonly DemoEvent[];
}>;

export type HostView = Readonly<{
  name: string;
  place: string;
  memoryShare: number;
  cpuShare: number;
  nicBitsPerSecond: number;
  vms: readonly Readonly<{ name: string; state: 'here' | 'leaving' | 'arriving' }>[];
}>;

export type MovingView = Readonly<{
  domain: string;
  from: string;
  to: string;
  /** How much of it is sent, in [0, 1]. */
  share: number;
  bytesPerSecond: number;
}>;

export type DemoEvent = Readonly<{
  atSeconds: number;
  /** `departure` is the beginning of a `move`. */
  kind: 'agent' | 'deal' | 'departure' | 'move' | 'problem';
  text: string;
}>;

/** The end of the demo; also its `--json` document. Costs in bit/s · distance. */
export type DemoSummary = Readonly<{
  ok: boolean;
  initialCost: number;
  finalCost: number;
  hosts: number;
  domains: number;
  deals: number;
  /** Deals in which both sides gave something. */
  swaps: number;
  moves: number;
  failedMoves: number;
  migratedBytes: number;
  /** The longest pause of a VM. */
  downtimeMsMax: number;
  seconds: number;
  /** VMs that run nowhere, or on more than one host: must be empty. */
  lost: readonly string[];
  doubled: readonly string[];
  /** Why it is not ok; one sentence each. */
  problems: readonly string[];
}>;
