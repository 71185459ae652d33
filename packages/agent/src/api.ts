/**
 * What an agent tells operators: the documents behind every read command's `--json`, the control
 * socket and `--peer`. Public: change only by adding.
 *
 * Control socket: HTTP on a Unix socket. `GET /v1/status` etc. answer `{ "ok": true, "value": … }` or
 * `{ "ok": false, "code", "message" }`; `POST` takes a JSON body. `?peer=NAME` asks another agent.
 */

import type { HostCapacity, HostLoad, Mode, Policy } from '@barter/core';

export type StatusView = Readonly<{
  host: string;
  name: string;
  version: string;
  cluster: string;
  mode: Mode;
  stopped: boolean;
  pid: number;
  uptimeSeconds: number;
  rssBytes: number;
  location: readonly string[];
  capacity: HostCapacity | null;
  load: HostLoad | null;
  /** Whether the measurements are complete; trading waits until they are. */
  measured: boolean;
  /** Network cost of this host's domains as it sees them, bit/s · distance (each pair counted at both ends). */
  networkCost: number;
  peers: Readonly<{ members: number; connected: number }>;
  domains: Readonly<{ running: number; heldElsewhere: number; heldHere: number }>;
  deals: Readonly<{ open: number; committed: number; declined: number; aborted: number }>;
  migrations: Readonly<{ running: readonly MoveView[]; moved: number; failed: number }>;
  /** What keeps this host from measuring, bartering or migrating; one sentence each. */
  problems: readonly string[];
}>;

export type PeerView = Readonly<{
  host: string;
  name: string;
  connected: boolean;
  mode: Mode | null;
  stopped: boolean | null;
  /** Left out of trading for so long, because it does not do as it says; null when it is believed. */
  distrust: Readonly<{ forSeconds: number; why: string }> | null;
  location: readonly string[];
  /** Age of its last load summary; null before the first. */
  summaryAgeSeconds: number | null;
  load: HostLoad | null;
  capacity: HostCapacity | null;
  domains: number | null;
}>;

export type DomainView = Readonly<{
  domain: string;
  name: string;
  home: string;
  holder: string;
  version: number;
  memoryBytes: number;
  vcpus: number;
  cpu: number;
  bitsPerSecond: number;
  policy: Policy;
  /** Why it would not be moved now (frozen, blocked, cooling down, …); null when it may move. */
  held: string | null;
}>;

/** A pair of domains (or a domain and `external`), by what it costs, dearest first. */
export type TrafficView = Readonly<{
  a: string;
  b: string;
  aHost: string | null;
  bHost: string | null;
  bitsPerSecond: number;
  /** bit/s · distance. */
  cost: number;
}>;

export type DealView = Readonly<{
  deal: string;
  role: 'proposer' | 'responder';
  peer: string;
  phase: string;
  /** Names of the domains that this host gives to, and takes from, the peer. */
  give: readonly string[];
  take: readonly string[];
  gainBitsPerSecond: number;
  /** Why it ended as it did. */
  detail: string;
  atMs: number;
}>;

export type MoveView = Readonly<{
  settlement: string;
  domain: string;
  name: string;
  from: string;
  to: string;
  phase: string;
  detail: string;
  startedAtMs: number | null;
  endedAtMs: number | null;
  bytesSent: number;
  bytesRemaining: number;
  bytesPerSecond: number;
  downtimeMs: number | null;
}>;

/** The cluster as this agent sees it, and which members are not in it. */
export type SnapshotView = Readonly<{
  /** A cluster file (`barter simulate` reads it). */
  cluster: Readonly<{
    version: 1;
    distance: readonly number[];
    hosts: readonly Readonly<{
      id: string;
      memoryBytes: number;
      memoryLimitBytes: number;
      vcpus: number;
      vcpuLimit: number;
      nicBitsPerSecond: number;
      location: readonly string[];
    }>[];
    domains: readonly Readonly<{
      id: string;
      host: string;
      memoryBytes: number;
      vcpus: number;
      cpu: number;
      dirtyBytesPerSecond: number;
      policy: Policy;
    }>[];
    traffic: readonly Readonly<{ a: string; b: string; bitsPerSecond: number }>[];
    timeline: readonly [];
  }>;
  /** Members that could not be asked, and why (one sentence). */
  missing: readonly Readonly<{ host: string; reason: string }>[];
}>;

/** One finding of `barter doctor`. */
export type Finding = Readonly<{
  check: string;
  level: 'ok' | 'warning' | 'problem';
  /** What was found, and what to do about it. */
  message: string;
}>;

/** GET routes and what they answer. */
export type Views = {
  status: StatusView;
  peers: readonly PeerView[];
  domains: readonly DomainView[];
  traffic: readonly TrafficView[];
  deals: readonly DealView[];
  moves: readonly MoveView[];
  doctor: readonly Finding[];
  snapshot: SnapshotView;
};

/** POST routes: body → value. */
export type Commands = {
  mode: { body: { mode: Mode }; value: { mode: Mode } };
  stop: {
    body: { all: boolean };
    value: { stopped: readonly string[]; unreachable: readonly string[] };
  };
  resume: {
    body: { all: boolean };
    value: { resumed: readonly string[]; unreachable: readonly string[] };
  };
  invite: { body: { expiresInSeconds: number }; value: { ticket: string; expiresAtMs: number } };
  expel: { body: { peer: string; withGuests?: boolean | undefined }; value: { expelled: string } };
  approve: { body: { id: string }; value: { approved: string } };
  reject: { body: { id: string }; value: { rejected: string } };
  'abort-migration': { body: { domain: string }; value: { aborted: string } };
  'target-gone': {
    body: { domain: string; target: string };
    value: { ended: string; hasGoneOn: boolean };
  };
  'let-run-on': {
    body: { domain: string; notRunningOn?: string | undefined };
    value: { resumed: string; target: string };
  };
};

/** The agent behind the control socket and behind `--peer`. */
export interface AgentApi {
  view<Name extends keyof Views>(
    name: Name,
    options: { peer?: string; limit?: number },
  ): Promise<import('./result.ts').Result<Views[Name]>>;
  command<Name extends keyof Commands>(
    name: Name,
    body: Commands[Name]['body'],
  ): Promise<import('./result.ts').Result<Commands[Name]['value']>>;
}
