/** Three hosts, six guests in three pairs that talk across hosts, room for three guests a host. */

import { expect, test } from 'vitest';
import type { Lab } from '../lab.ts';
import { until } from '../process.ts';
import { connectionsLost, measured, togetherWithinMs, untilTogether, watched } from './steps.ts';

export function pairsComeTogether(labOf: () => Lab): void {
  test('guests that talk come to share a host, and no connection breaks', {
    timeout: togetherWithinMs + 60_000,
  }, async () => {
    const lab = labOf();
    const before = await connectionsLost(lab);
    expect((await lab.status()).networkCost).toBeGreaterThan(0);
    await watched(lab, () => untilTogether(lab));

    const status = await lab.status();
    expect(status.networkCost).toBe(0);
    expect(status.domains.map(({ connected }) => connected)).not.toContain(false);
    expect(await connectionsLost(lab)).toEqual(before);
    await measureMoves(lab);
  });

  test('what was done is told alike by the guests, the libvirtds and the agents', {
    timeout: 60_000,
  }, async () => {
    const lab = labOf();
    for (const host of lab.state.hosts) {
      const agrees = async () => {
        const placement = await lab.placement();
        const here = Object.keys(placement).filter((guest) => placement[guest] === host.id);
        const domains = (await lab.view(host.id, 'domains')) ?? [];
        const told = domains.filter(({ home }) => home === host.id).map(({ name }) => name);
        return here.toSorted().join() === told.toSorted().join();
      };
      await until(`the agent of ${host.id} to name the guests that run there`, agrees, 30_000);
    }
  });
}

async function measureMoves(lab: Lab): Promise<void> {
  const perHost = await Promise.all(
    lab.state.hosts.map(async ({ id }) => ({
      moves: (await lab.view(id, 'moves')) ?? [],
      deals: (await lab.view(id, 'deals')) ?? [],
    })),
  );
  const deals = perHost
    .flatMap((host) => host.deals)
    .filter(({ phase }) => phase === 'committed' || phase === 'done');
  measured(`deals ${JSON.stringify(deals.map(({ atMs }) => new Date(atMs).toISOString()))}`);
  for (const { name, phase, startedAtMs, endedAtMs, downtimeMs } of perHost.flatMap(
    (host) => host.moves,
  )) {
    if (startedAtMs === null || endedAtMs === null || downtimeMs === null) continue;
    measured(
      `${name} ${phase} in ${(endedAtMs - startedAtMs) / 1000} s, downtime ${downtimeMs} ms`,
    );
  }
}
