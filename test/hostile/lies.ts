/** What is wrong in what a member says: of loads, of VMs, of what it would trade. */

import type { Book, DealId, DomainId, HostId, LoadSummary } from '@barter/core';
import type { Frame } from '../../packages/agent/src/network/wire/frame.ts';
import { summaryOf } from '../../packages/agent/test/network/hosts.ts';
import { type Attack, core, frames, name, type Scene } from './attack.ts';
import type { Victim } from './victim.ts';

function summary(host: HostId, sequence: number): LoadSummary {
  return { ...summaryOf(host, sequence), name: 'h3', location: [] };
}

/** As large a book as fits into a frame, of domains that do not exist, talking to the victim's. */
function book(scene: Scene, offers: number, partners: number, round: number): Book {
  const { capacity, load } = summaryOf(scene.self, 1);
  return {
    host: scene.self,
    name: 'h3',
    location: [],
    capacity: { ...capacity, memoryLimitBytes: 1e15, vcpuLimit: 1e6 },
    load,
    offers: Array.from({ length: offers }, (_, index) => ({
      claim: {
        domain: `${name(index)}-${round}` as DomainId,
        home: scene.self,
        holder: scene.self,
        version: 1,
      },
      traits: {
        name: 'x',
        memoryBytes: 1e6,
        vcpus: 1,
        cpu: 0.1,
        dirtyBytesPerSecond: 1,
        migrationBytes: 1e6,
        policy: {},
      },
      row: Array.from({ length: partners }, (_, at) => ({
        partner: scene.victim.domains[(index + at * 7) % scene.victim.domains.length] as DomainId,
        bitsPerSecond: 1e6 + at,
      })),
    })),
    fixed: { keepApart: [], keepTogether: [] },
    partners: [],
  };
}

function claimAll(victim: Victim, index: number): Frame {
  return core({
    kind: 'announce',
    id: index + 1,
    domains: victim.domains.map((domain) => ({
      domain: domain as DomainId,
      name: domain,
      holder: victim.bad as HostId,
      version: 2 ** 40 + index,
      addresses: [],
    })),
  });
}

export const lies: readonly Attack[] = [
  frames(
    'lie-load',
    'a load summary of another host, each with a higher number',
    3900,
    (_scene, index) =>
      core({
        kind: 'summary',
        summary: summary(`other${index}` as HostId, index + 1),
        answer: true,
      }),
    500,
  ),
  frames(
    'lie-idle',
    'its own load summary, idle and endlessly roomy, 3,900 a second',
    3900,
    ({ self }, index) => core({ kind: 'summary', summary: summary(self, index + 1), answer: true }),
    2000,
  ),
  frames(
    'claim-vms',
    'says that the victim’s VMs are at home with it, 3,900 times a second',
    3900,
    ({ victim }, index) => claimAll(victim, index),
    200,
  ),
  frames(
    'claim-vms-slowly',
    'the same ten times a second',
    10,
    ({ victim }, index) => claimAll(victim, index),
    200,
  ),
  frames(
    'claim-transfers',
    'gives away and calls VMs that it does not hold',
    3900,
    ({ self, victim }, index) => {
      const domain = victim.domains[index % victim.domains.length] as DomainId;
      if (index % 2 === 0)
        return core({ kind: 'transfer', domain, version: index, to: self, deal: 'd' as DealId });
      return core({
        kind: 'settle',
        settlement: `s${index}` as never,
        domain,
        version: index,
        leaseMs: 60_000,
      });
    },
    200,
  ),
  frames(
    'made-up-vms',
    'announces 256 VMs a message that do not exist, 8 MiB/s',
    260,
    (_scene, index) =>
      core({
        kind: 'announce',
        id: index + 1,
        domains: Array.from({ length: 256 }, (_, at) => ({
          domain: name(index * 256 + at),
          name: 'x',
          holder: 'h3' as HostId,
          version: 1,
          addresses: [`52:54:00:${index}:${at}`],
        })),
      }),
    100,
  ),
  frames(
    'seeks',
    'asks where 256 domains and 256 addresses are, 3,900 a second',
    600,
    ({ victim }, index) =>
      core({
        kind: 'seek',
        domains: Array.from(
          { length: 256 },
          (_, at) => (victim.domains[at] ?? name(index * 256 + at)) as DomainId,
        ),
        addresses: Array.from({ length: 256 }, (_, at) => `52:54:00:${index}:${at}`),
      }),
    50,
  ),
  frames(
    'books-many',
    'proposes the largest books that are read, 15 a second',
    15,
    (scene, index) =>
      core({
        kind: 'propose',
        deal: `deal-${index}` as DealId,
        expiresInMs: 1000,
        book: book(scene, 500, 16, index),
      }),
    30,
  ),
  frames(
    'books-small',
    'proposes books of 20 VMs, 1,000 a second',
    1000,
    (scene, index) =>
      core({
        kind: 'propose',
        deal: `deal-${index}` as DealId,
        expiresInMs: 1000,
        book: book(scene, 20, 20, index),
      }),
    2000,
  ),
];
