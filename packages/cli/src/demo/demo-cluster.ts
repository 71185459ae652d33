/**
 * The demo's cluster: groups of VMs that talk among themselves, scattered over the hosts, one host hot
 * and one idle. Pure and the same every time, so that two runs can be compared.
 */

import type { HostId } from '@barter/core';
import { type Cluster, external, SimRandom } from '@barter/sim';

const GiB = 1024 ** 3;
const groupNames = ['shop', 'mail', 'wiki', 'chat', 'bank', 'game', 'blog', 'farm', 'taxi', 'maps'];
/** What the VMs of a group are: a front end, an application, a database, and a cache. */
const tiers = [
  { memoryGiB: 2, vcpus: 2, cpu: 0.5, dirtyBytesPerSecond: 4e6 },
  { memoryGiB: 3, vcpus: 2, cpu: 1.1, dirtyBytesPerSecond: 20e6 },
  { memoryGiB: 4, vcpus: 2, cpu: 0.9, dirtyBytesPerSecond: 60e6 },
  { memoryGiB: 1, vcpus: 1, cpu: 0.3, dirtyBytesPerSecond: 10e6 },
] as const;
/** Who talks to whom within a group, in Mbit/s: web–app, app–database, app–cache, web–cache. */
const links = [
  [0, 1, 180],
  [1, 2, 320],
  [1, 3, 140],
  [0, 3, 40],
] as const;

/** The group of a VM, from its name. */
export function groupOf(domain: string): string {
  return domain.slice(0, domain.lastIndexOf('-'));
}

/** `hosts` at least 2; `domains` at least 1. */
export function demoCluster(hosts: number, domains: number): Cluster {
  const random = new SimRandom(20_16);
  const names = Array.from({ length: domains }, (_, index) => nameOf(index));
  const homes = scatter(hosts, domains);
  const needed = Array.from({ length: hosts }, () => 0);
  for (const [index, host] of homes.entries()) {
    needed[host] = (needed[host] ?? 0) + tierOf(index).memoryGiB;
  }
  // Room for a third more than the average host would need, and for whatever starts on the hot one.
  const average = needed.reduce((sum, memory) => sum + memory, 0) / hosts;
  const memoryGiB = Math.max(Math.ceil((average * 4) / 3 / 4) * 4, Math.max(...needed) + 2);
  return {
    version: 1,
    distance: [0, 1, 3, 5],
    hosts: Array.from({ length: hosts }, (_, index) => ({
      id: `h${index + 1}` as HostId,
      memoryBytes: memoryGiB * GiB,
      vcpus: 16,
      nicBitsPerSecond: 25e9,
      location: [index < Math.ceil(hosts / 2) ? 'rack1' : 'rack2'],
    })),
    domains: names.map((id, index) => {
      const { memoryGiB: memory, vcpus, cpu, dirtyBytesPerSecond } = tierOf(index);
      return {
        id,
        host: `h${(homes[index] ?? 0) + 1}` as HostId,
        memoryBytes: memory * GiB,
        vcpus,
        cpu,
        dirtyBytesPerSecond,
        policy: {},
      };
    }),
    traffic: groupTraffic(names, random),
    timeline: [],
  };
}

function tierOf(index: number): (typeof tiers)[number] {
  return tiers[index % tiers.length] ?? tiers[0];
}

function nameOf(index: number): string {
  const group = Math.floor(index / tiers.length);
  const round = Math.floor(group / groupNames.length);
  const name = groupNames[group % groupNames.length] ?? 'vm';
  return `${name}${round === 0 ? '' : round + 1}-${(index % tiers.length) + 1}`;
}

/**
 * Which host each VM starts on. The last of three or more hosts is idle and the first one hot: it has
 * twice its share. Neighbours in the list, which is who talks, come to different hosts.
 */
function scatter(hosts: number, domains: number): readonly number[] {
  const busy = hosts > 2 ? hosts - 1 : hosts;
  const seats = [...Array.from({ length: busy }, (_, index) => index), 0];
  return Array.from({ length: domains }, (_, index) => seats[index % seats.length] ?? 0);
}

function groupTraffic(names: readonly string[], random: SimRandom): Cluster['traffic'] {
  const traffic: { a: string; b: string; bitsPerSecond: number }[] = [];
  for (let first = 0; first < names.length; first += tiers.length) {
    const factor = 0.5 + random.next();
    for (const [from, to, megabits] of links) {
      const [a, b] = [names[first + from], names[first + to]];
      if (a === undefined || b === undefined) continue;
      traffic.push({ a, b, bitsPerSecond: Math.round(megabits * factor) * 1e6 });
    }
    const web = names[first];
    if (web !== undefined) {
      const bitsPerSecond = Math.round(30 * factor) * 1e6;
      traffic.push({ a: web, b: external, bitsPerSecond });
    }
  }
  // A little talk across groups: not everything can be on one host.
  for (let index = 0; index + 5 < names.length; index += 5) {
    const [a, b] = [names[index], names[index + 5]];
    if (a !== undefined && b !== undefined) {
      traffic.push({ a, b, bitsPerSecond: (2 + random.below(8)) * 1e6 });
    }
  }
  return traffic;
}
