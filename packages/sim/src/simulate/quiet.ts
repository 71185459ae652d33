/**
 * When a simulated cluster is quiet: nothing is being traded, held away from home, reserved or moved,
 * nothing has changed for longer than a pair of hosts waits before it tries again, and no host knows of
 * anything that time alone will change (a load that has not lasted for long enough to count, a domain
 * that has a reason to move again and cools down).
 */

import { type HostTiming, rowOf, triedMs } from '@barter/core';
import type { SimCluster } from '../cluster/cluster.ts';
import type { SimHost } from '../cluster/sim-host.ts';
import type { Unsettled } from './result.ts';

const lookForPendingEveryMs = 30_000;
/** Rates that differ by less make no deal: they are still being smoothed, or a partner was paused for a moment. */
const bitsPerSecondMin = 10_000;
const rateShareMin = 0.005;
const coresMin = 0.01;
/** What rests for longer (its move was given up) is not waited for. */
const longRestMs = 2 * 3_600_000;

export class QuietWatch {
  readonly #cluster: SimCluster;
  readonly #timing: HostTiming;
  #busyAtMs = 0;
  #changedAtMs = 0;
  #pendingAtMs = 0;
  #lookForPendingAtMs = 0;

  constructor(cluster: SimCluster, timing: HostTiming) {
    this.#cluster = cluster;
    this.#timing = timing;
  }

  /** When something last happened, or was still under way. */
  get busyAtMs(): number {
    return this.#busyAtMs;
  }

  /** When a deal was made or a domain moved last. */
  get changedAtMs(): number {
    return this.#changedAtMs;
  }

  /** Looks at the cluster now; to be called every simulated second or so. */
  look(): void {
    const lastAtMs = Math.ceil(this.#cluster.lastChangeAtMs);
    this.#changedAtMs = Math.max(this.#changedAtMs, lastAtMs);
    this.#busyAtMs = Math.max(this.#busyAtMs, this.#changedAtMs);
    const nowMs = this.#cluster.world.nowMs();
    if (isBusy(this.#cluster)) {
      this.#busyAtMs = nowMs;
    } else if (nowMs >= this.#lookForPendingAtMs) {
      this.#lookForPendingAtMs = nowMs + lookForPendingEveryMs;
      if (this.#cluster.hosts.some((host) => isPending(host, nowMs))) this.#pendingAtMs = nowMs;
    }
  }

  /** Nothing will happen any more, the world staying as it has been since `sinceMs`. */
  isQuiet(sinceMs: number): boolean {
    const lastMs = Math.max(this.#busyAtMs, this.#pendingAtMs, sinceMs);
    return this.#cluster.world.nowMs() - lastMs >= triedMs(this.#timing);
  }

  /** Claims are still held away from home, and nothing has moved on for longer than any pause. */
  isStuck(sinceMs: number): boolean {
    const { backoffMaxMs, cooldownMs, claimLeaseMs, settleAfterMs, steadyMs } = this.#timing;
    const waitedMs = this.#cluster.world.nowMs() - Math.max(this.#changedAtMs, sinceMs);
    const pauseMs = Math.max(cooldownMs, steadyMs) + backoffMaxMs + claimLeaseMs;
    return waitedMs > 2 * pauseMs + 10 * settleAfterMs;
  }
}

function isBusy(cluster: SimCluster): boolean {
  return cluster.hosts.some(({ state }) => {
    if (state === undefined) return false;
    if (state.holdings.size > 0 || state.reservations.size > 0) return true;
    for (const { phase } of state.openDeals.values())
      if (phase === 'accepted' || phase === 'committed') return true;
    for (const { phase } of state.settlements.values())
      if (phase === 'migrating' || phase === 'resolving') return true;
    return false;
  });
}

/** Whether this host will see things differently later although nothing happens. */
function isPending({ state }: SimHost, nowMs: number): boolean {
  if (state === undefined) return false;
  // It does not trade yet.
  if (state.sample?.trafficMeasured === false) return true;
  const { cooldownMs } = state.config.timing;
  for (const { domain, movedAtMs, restsUntilMs } of state.homes.values()) {
    if (restsUntilMs > nowMs && restsUntilMs - nowMs < longRestMs) return true;
    if (movedAtMs !== null && movedAtMs + cooldownMs > nowMs && !state.resting.has(domain))
      return true;
    const sample = state.samples.get(domain);
    if (sample === undefined) continue;
    if (Math.abs(sample.priced.cpu - sample.traits.cpu) > coresMin) return true;
    const measured = state.rows.get(domain) ?? [];
    const priced = rowOf(state, domain);
    if (priced !== measured && differs(measured, priced)) return true;
  }
  return false;
}

function differs(one: ReturnType<typeof rowOf>, other: ReturnType<typeof rowOf>): boolean {
  const total = one.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0);
  const rates = new Map(one.map(({ partner, bitsPerSecond }) => [partner, bitsPerSecond]));
  let sum = 0;
  for (const { partner, bitsPerSecond } of other) {
    sum += Math.abs(bitsPerSecond - (rates.get(partner) ?? 0));
    rates.delete(partner);
  }
  for (const bitsPerSecond of rates.values()) sum += bitsPerSecond;
  return sum > Math.max(bitsPerSecondMin, rateShareMin * total);
}

/** Every claim that is held away from home now, with what its holder waits for. */
export function unsettledClaims(cluster: SimCluster): readonly Unsettled[] {
  return cluster.hosts.flatMap(({ id, state }) =>
    [...(state?.holdings.values() ?? [])]
      .filter(({ givenTo }) => givenTo === null)
      .map(({ claim, waiting }) => ({ domain: claim.domain, holder: id, reason: waiting })),
  );
}
