/**
 * What was done to the cluster from outside, by faults and by administrators: the only excuses that a checker
 * accepts.
 */

import type { HostId } from '@barter/core';

/** What an administrator does shows in an agent's sample after that, at the latest. */
export const noticedMs = 100;

export class Facts {
  /** Domains that need not run anywhere, and why. */
  readonly nowhere = new Map<string, string>();
  /** Hosts that are gone for ever. */
  readonly vanished = new Set<HostId>();
  /** When an administrator last moved, started or stopped a domain by hand, and how often. */
  readonly handled = new Map<string, { atMs: number; count: number }>();
  /** Settlements whose domain an administrator resumed at its home, or let run on by a word, where nothing will ever start the other copy, and when. */
  readonly resumedByHand = new Map<string, number>();
  /** When a domain was last redefined. */
  readonly redefinedAtMs = new Map<string, number>();
  readonly #jumps: { host: HostId; atMs: number; byMs: number }[] = [];
  /** Counts injected faults by kind. */
  readonly injected = new Map<string, number>();
  faultsEndedAtMs: number | undefined;

  count(kind: string): void {
    this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
  }

  handle(domain: string, atMs: number): void {
    this.handled.set(domain, { atMs, count: (this.handled.get(domain)?.count ?? 0) + 1 });
  }

  /** Whether an administrator has moved, started or stopped the domain by hand since then. */
  isHandledSince(domain: string, sinceMs: number): boolean {
    return (this.handled.get(domain)?.atMs ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  jumped(host: HostId, atMs: number, byMs: number): void {
    this.#jumps.push({ host, atMs, byMs });
  }

  /** By how much an agent's clock is off from where it was then, because the agent started again since. */
  setMs(host: HostId, sinceMs: number): number {
    let sum = 0;
    for (const jump of this.#jumps)
      if (jump.host === host && jump.atMs >= sinceMs) sum += jump.byMs;
    return sum;
  }

  /** By how much an agent's clock was ahead of before when it started again since then. */
  forwardMs(host: HostId, sinceMs: number): number {
    let sum = 0;
    for (const jump of this.#jumps)
      if (jump.host === host && jump.atMs >= sinceMs && jump.byMs > 0) sum += jump.byMs;
    return sum;
  }
}
