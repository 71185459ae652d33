/** What the agent expects of its hypervisor and traffic probe, whichever they are, and what these need of the agent. */

import type {
  Clock,
  DomainId,
  HostId,
  HostState,
  Hypervisor,
  Log,
  SettlementId,
  TrafficProbe,
} from '@barter/core';
import type { Finding } from './api.ts';
import type { PeerNetwork } from './network/peer-network.ts';

export type OpenHypervisor = Readonly<{
  hypervisor: Hypervisor;
  probe: TrafficProbe;
  /** What keeps it from working fully, one sentence each. */
  problems(): readonly string[];
  /** What `barter doctor` finds. */
  findings(): Promise<readonly Finding[]>;
}>;

export type HypervisorNeeds = Readonly<{
  network: PeerNetwork;
  log: Log;
  clock: Clock;
  state(): HostState;
  /** Tells the core that a domain is about to arrive; resolves when its answer is durable. */
  arrivalRequested(from: HostId, settlement: SettlementId, domain: DomainId): Promise<void>;
  /** The host is gone for good; the agent must end. */
  onGone(why: string): void;
}>;
