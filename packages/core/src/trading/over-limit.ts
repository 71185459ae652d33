/**
 * Hosts whose claims exceed their hard limits, in words for operators: by how much, why it stays so, and what a
 * deal does about it. Why such a host has something to gain is in `cost.ts`.
 */

import { heldDomains, lockedDomains, traitsOf, whyNotOffered } from '../claims/book.ts';
import { aboveLimits, type Excess, excessOf, isAbove } from '../claims/limits.ts';
import { makeBook } from '../claims/offering.ts';
import type { DomainTraits, LoadSummary } from '../model/model.ts';
import { receiveViolation } from '../model/policy.ts';
import type { HostState } from '../state.ts';
import type { Deal } from './deal.ts';
import { tradingPeers, whyNotTrading } from './willingness.ts';

/** Why this host is above its limits and stays so for now; null where it keeps them. One sentence. */
export function whyAboveLimits(state: HostState, nowMs: number): string | null {
  const above = aboveLimits(state);
  if (!isAbove(above)) return null;
  return `the claims held here are ${amount(above)} above what this host may promise; ${whyItStays(state, nowMs)}`;
}

function whyItStays(state: HostState, nowMs: number): string {
  const trading = whyNotTrading(state, nowMs);
  if (trading !== null) return `it sheds nothing: ${trading.detail}`;
  const offers = makeBook(state, nowMs)?.offers ?? [];
  if (offers.length === 0) return `none of its VMs may leave now${firstReason(state, nowMs)}`;
  const canTake = (peer: LoadSummary) =>
    offers.some(({ claim, traits }) => {
      const { name, policy } = traits;
      const violation = receiveViolation({ ...claim, name, policy }, peer);
      return violation === undefined && hasRoom(traits, peer);
    });
  return tradingPeers(state, nowMs).some(({ summary }) => canTake(summary))
    ? 'it offers some of them to hosts that have room'
    : 'no host that it hears of may take, and has room for, a VM that may leave';
}

function firstReason(state: HostState, nowMs: number): string {
  const held = heldDomains(state);
  const locked = lockedDomains(state, held);
  for (const domain of held) {
    const why = whyNotOffered(state, domain, nowMs, locked);
    if (why !== null) return ` (${traitsOf(state, domain)?.name ?? domain}: ${why})`;
  }
  return '';
}

function hasRoom(traits: DomainTraits, { load, capacity }: LoadSummary): boolean {
  return (
    load.memoryBytes + traits.memoryBytes <= capacity.memoryLimitBytes &&
    load.vcpus + traits.vcpus <= capacity.vcpuLimit
  );
}

/** What a deal that has just been decided does for a host above its limits; empty where it is not about that. */
export function relieved(state: HostState, { peer, moves }: Deal, before: Excess): string {
  const now = aboveLimits(state);
  if (isLess(now, before)) return ` ${ending('this host', now)}`;
  const summary = state.directory.peers.get(peer)?.summary;
  if (summary === undefined) return '';
  let { memoryBytes, vcpus } = summary.load;
  for (const { to, traits } of moves) {
    const sign = to === peer ? 1 : -1;
    memoryBytes += sign * traits.memoryBytes;
    vcpus += sign * traits.vcpus;
  }
  const then = excessOf({ memoryBytes, vcpus }, summary.capacity);
  const was = excessOf(summary.load, summary.capacity);
  return isLess(then, was) ? ` ${ending(state.directory.hostName(peer), then)}` : '';
}

function ending(name: string, left: Excess): string {
  return isAbove(left)
    ? `It leaves ${name} ${amount(left)} above its limits.`
    : `It brings ${name} back within its limits.`;
}

function isLess(now: Excess, then: Excess): boolean {
  return now.memoryBytes < then.memoryBytes || now.vcpus < then.vcpus;
}

function amount({ memoryBytes, vcpus }: Excess): string {
  const parts: string[] = [];
  if (memoryBytes > 0) parts.push(`${Math.ceil(memoryBytes / 2 ** 20)} MiB`);
  if (vcpus > 0) parts.push(`${vcpus} vCPUs`);
  return parts.join(' and ');
}
