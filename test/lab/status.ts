/**
 * What the lab looks like, asked of the libvirtds and the guests themselves and never of the agents.
 * `barter lab status --json` prints it; interfaces.md promises its fields.
 */

import { readCounters, talksTo } from './guest.ts';
import { inHost } from './host.ts';
import { isAlive, run } from './process.ts';
import type { GuestState, HostState, LabState } from './state.ts';

export type HostStatus = Readonly<{
  id: string;
  address: string;
  agent: 'up' | 'down';
  libvirt: 'up' | 'down';
}>;

/** One place where a domain is defined or active, in virsh's words. */
export type Copy = Readonly<{ host: string; state: string }>;

export type DomainStatus = Readonly<{
  id: string;
  /** The one host where it runs; null when it runs on none or on more than one (see `copies`). */
  host: string | null;
  /** Every host that knows the domain. During a migration its target has a paused copy. */
  copies: readonly Copy[];
  talksTo: readonly string[];
  /** Since the guest booted, from all it talks to; null when the guest does not answer. */
  receivedBytes: number | null;
  /** Connections that ended after they were established, at this guest's end; null as above. */
  connectionsLost: number | null;
  /** Whether its connections to all it talks to are established; null as above. */
  connected: boolean | null;
}>;

export type LabStatus = Readonly<{
  name: string;
  hosts: readonly HostStatus[];
  domains: readonly DomainStatus[];
  /** Σ configured rate · distance over the pairs of which both run, bit/s. */
  networkCost: number;
}>;

export async function readStatus(lab: LabState): Promise<LabStatus> {
  const [copies, domains] = await Promise.all([
    Promise.all(lab.hosts.map(readCopies)),
    Promise.all(lab.guests.map((guest) => readCounters(lab, guest))),
  ]);
  const byDomain = new Map<string, Copy[]>();
  for (const { domain, host, state } of copies.flatMap((known) => known ?? [])) {
    byDomain.set(domain, [...(byDomain.get(domain) ?? []), { host, state }]);
  }
  const statuses = lab.guests.map((guest, index): DomainStatus => {
    const counters = domains[index];
    const known = byDomain.get(guest.id) ?? [];
    return {
      id: guest.id,
      host: runsOn(known),
      copies: known,
      talksTo: talksTo(lab, guest),
      receivedBytes: counters ? sum(counters.peers.map((peer) => peer.receivedBytes)) : null,
      connectionsLost: counters ? sum(counters.peers.map((peer) => peer.connectionsLost)) : null,
      connected: counters ? counters.peers.every((peer) => peer.connected) : null,
    };
  });
  return {
    name: lab.options.name,
    hosts: lab.hosts.map((host, index) => ({
      id: host.id,
      address: host.address,
      agent: isAlive(host.agent) ? 'up' : 'down',
      libvirt: copies[index] ? 'up' : 'down',
    })),
    domains: statuses,
    networkCost: networkCost(lab, statuses),
  };
}

/** Where every guest is, without asking the guests: fast enough to be looked at often. */
export async function readPlaces(lab: LabState): Promise<ReadonlyMap<string, readonly Copy[]>> {
  const places = new Map<string, Copy[]>(lab.guests.map((guest) => [guest.id, []]));
  for (const known of await Promise.all(lab.hosts.map(readCopies))) {
    for (const { domain, host, state } of known ?? []) places.get(domain)?.push({ host, state });
  }
  return places;
}

export function runsOn(copies: readonly Copy[]): string | null {
  const running = copies.filter((copy) => copy.state === 'running');
  return running.length === 1 && running[0] ? running[0].host : null;
}

/** All hosts are at the same place, so two guests are 0 or 1 apart. */
function networkCost(lab: LabState, domains: readonly DomainStatus[]): number {
  const hostOf = new Map(domains.map((domain) => [domain.id, domain.host]));
  return sum(
    lab.pairs.map(({ a, b, bitsPerSecond }) => {
      const [one, other] = [hostOf.get(a) ?? null, hostOf.get(b) ?? null];
      return one !== null && other !== null && one !== other ? bitsPerSecond : 0;
    }),
  );
}

type Known = Readonly<{ domain: string; host: string; state: string }>;

/** The domains that a host's libvirt knows; undefined when it does not answer. */
async function readCopies(host: HostState): Promise<readonly Known[] | undefined> {
  if (!isAlive(host.holder)) return undefined;
  const result = await run(inHost(host, ['virsh', '-q', '-r', 'list', '--all']), {
    timeoutMs: 10_000,
  });
  if (result.code !== 0) return undefined;
  return result.stdout.split('\n').flatMap((line) => {
    const match = /^\s*(?:\d+|-)\s+(\S+)\s+(\S.*?)\s*$/.exec(line);
    const [, domain, state] = match ?? [];
    return domain !== undefined && state !== undefined ? [{ domain, host: host.id, state }] : [];
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The status as people read it. */
export function statusText(status: LabStatus): string {
  const domains = status.domains.map((domain) => {
    const where =
      domain.host ??
      (domain.copies.map(({ host, state }) => `${host}:${state}`).join('+') || 'nowhere');
    const counted =
      domain.receivedBytes === null
        ? 'does not answer'
        : `received ${(domain.receivedBytes / 1e6).toFixed(1)} MB, connections lost ${domain.connectionsLost}`;
    return `${domain.id.padEnd(6)} ${where.padEnd(6)} talks to ${domain.talksTo.join(', ') || 'nobody'}; ${counted}`;
  });
  return [
    `lab ${status.name}`,
    ...status.hosts.map(
      (host) =>
        `${host.id.padEnd(6)} ${host.address}  agent ${host.agent}, libvirt ${host.libvirt}`,
    ),
    ...domains,
    `network cost ${(status.networkCost / 1e6).toFixed(1)} Mbit/s·distance`,
  ].join('\n');
}

export function findGuest(lab: LabState, id: string): GuestState | undefined {
  return lab.guests.find((guest) => guest.id === id);
}
