/** Hosts that are full: room for two guests each and, for a moment, one more. Only swaps help. */

import { expect, test } from 'vitest';
import type { Lab } from '../lab.ts';
import { connectionsLost, togetherWithinMs, untilTogether, watched } from './steps.ts';

export function fullHostsSwap(labOf: () => Lab): void {
  test('full hosts swap guests', { timeout: togetherWithinMs + 180_000 }, async () => {
    const lab = labOf();
    await lab.stopAgents();
    await lab.restorePlacement();
    const before = await connectionsLost(lab);
    const beganAtMs = Date.now();
    await lab.restartAgents({ guestsPerHost: 2, transientGuestsPerHost: 1 });
    let most = 0;
    await watched(lab, async () => {
      const looking = setInterval(async () => {
        most = Math.max(most, ...Object.values(await guestsPerHost(lab)));
      }, 500);
      try {
        await untilTogether(lab);
      } finally {
        clearInterval(looking);
      }
    });

    expect((await lab.status()).networkCost).toBe(0);
    expect(await connectionsLost(lab)).toEqual(before);
    expect(Object.values(await guestsPerHost(lab))).toEqual([2, 2, 2]);
    expect(most).toBeLessThanOrEqual(3);
    const deals = await Promise.all(lab.state.hosts.map(({ id }) => lab.view(id, 'deals')));
    const swaps = deals
      .flatMap((known) => known ?? [])
      .filter(({ atMs }) => atMs >= beganAtMs)
      .filter(({ give, take }) => give.length === 1 && take.length === 1);
    expect(swaps.length).toBeGreaterThan(0);
  });
}

/** Every guest that takes memory on a host, arriving ones included. */
async function guestsPerHost(lab: Lab): Promise<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(
    lab.state.hosts.map(({ id }) => [id, 0]),
  );
  for (const copies of (await lab.places()).values())
    for (const { host, state } of copies)
      if (state !== 'shut off') counts[host] = (counts[host] ?? 0) + 1;
  return counts;
}
