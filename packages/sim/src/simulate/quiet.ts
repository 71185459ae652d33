/**
 * When a simulated cluster is quiet: nothing is being traded, held away from home, reserved or moved, and
 * nothing has changed for longer than anything that an agent waits for.
 */

import type { HostTiming } from '@barter/core';
import type { SimCluster } from '../cluster/cluster.ts';
import type { Unsettled } from './result.ts';

export class QuietWatch {
  readonly #cluster: SimCluster;
  readonly #timing: HostTiming;
  #busyAtMs = 0;
  #changedAtMs = 0;

  constructor(cluster: SimCluster, timing: HostTiming) {
    this.#cluster = cluster;
    this.#timing = timing;
  }

  /** When something last happened, or was still under way. */
  get busyAtMs(): number {
    return this.#busyAtMs;
  }

  /** Looks at the cluster now; to be called every simulated second or so. */
  look(): void {
    const lastAtMs = Math.ceil(this.#cluster.lastChangeAtMs);
    this.#changedAtMs = Math.max(this.#changedAtMs, lastAtMs);
    this.#busyAtMs = Math.max(this.#busyAtMs, this.#changedAtMs);
    if (isBusy(this.#cluster)) this.#busyAtMs = this.#cluster.world.nowMs();
  }

  /** Nothing will happen any more, the world staying as it has been since `sinceMs`. */
  isQuiet(sinceMs: number): boolean {
    const nowMs = this.#cluster.world.nowMs();
    const { backoffMaxMs, tradeEveryMs, cooldownMs } = this.#timing;
    // A pair that found nothing to gain tries again within this.
    const patienceMs = backoffMaxMs + 6 * tradeEveryMs;
    if (nowMs - Math.max(this.#busyAtMs, sinceMs) < patienceMs) return false;
    const movedAtMs = this.#cluster.moves.at(-1)?.atMs;
    return movedAtMs === undefined || nowMs - movedAtMs > cooldownMs + patienceMs;
  }

  /** Claims are still held away from home, and nothing has moved on for longer than any pause. */
  isStuck(sinceMs: number): boolean {
    const { backoffMaxMs, cooldownMs, claimLeaseMs, settleAfterMs } = this.#timing;
    const waitedMs = this.#cluster.world.nowMs() - Math.max(this.#changedAtMs, sinceMs);
    return waitedMs > 2 * (cooldownMs + backoffMaxMs + claimLeaseMs + settleAfterMs);
  }
}

function isBusy(cluster: SimCluster): boolean {
  return cluster.hosts.some(({ state }) => {
    if (state === undefined) return false;
    if (state.holdings.size > 0 || state.reservations.size > 0) return true;
    for (const { phase } of state.deals.values())
      if (phase === 'accepted' || phase === 'committed') return true;
    for (const { phase } of state.settlements.values())
      if (phase === 'migrating' || phase === 'resolving') return true;
    return false;
  });
}

/** Every claim that is held away from home now, with what its holder waits for. */
export function unsettledClaims(cluster: SimCluster): readonly Unsettled[] {
  return cluster.hosts.flatMap(({ id, state }) =>
    [...(state?.holdings.values() ?? [])]
      .filter(({ givenTo }) => givenTo === null)
      .map(({ claim, waiting }) => ({ domain: claim.domain, holder: id, reason: waiting })),
  );
}
