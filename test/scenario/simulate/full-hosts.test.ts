import { type Cluster, parseCluster, SimCluster, simulate } from '@barter/sim';
import { expect, test } from 'vitest';

/** Two hosts that are full to the last byte, and VMs that had better change places. */

const GiB = 2 ** 30;

/** `idle` is on h1 and on h2 once, and talks to nobody. */
function fullHosts(memoryBytes: number, idle: readonly string[] = []): Cluster {
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1],
    hosts: ['h1', 'h2'].map((id) => ({ id, memoryBytes, vcpus: 8, nicBitsPerSecond: 1e10 })),
    domains: ['a', 'b', 'c', 'd', ...idle].map((id, index) => ({
      id,
      host: index < 2 || index === 4 ? 'h1' : 'h2',
      memoryBytes: 2 * GiB,
      vcpus: 1,
      cpu: 0.1,
    })),
    traffic: [
      { a: 'a', b: 'c', bitsPerSecond: 300e6 },
      { a: 'b', b: 'd', bitsPerSecond: 200e6 },
    ],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

test('room for one VM more on one of them is enough to change places', () => {
  const { migrations, finalCost, unsettled } = simulate(fullHosts(6 * GiB));
  expect(migrations).toHaveLength(2);
  expect(finalCost).toBe(0);
  expect(unsettled).toEqual([]);
});

test('without it nothing is agreed that could not be carried out, and whoever proposed is told why', () => {
  const reasons: string[] = [];
  const sim = new SimCluster(fullHosts(4 * GiB), {
    preset: 'affinity',
    onEffect: (_host, _atMs, effect) => {
      if (effect.kind === 'send' && effect.message.kind === 'decline')
        reasons.push(effect.message.detail);
    },
  });
  sim.runUntil(1_800_000);
  expect(sim.deals).toEqual([]);
  expect(sim.moves).toEqual([]);
  expect(reasons.length).toBeGreaterThan(0);
  expect(new Set(reasons)).toEqual(
    new Set([
      'no exchange of the two books lowers the cost by the margin; both hosts are full, and what is at home on them cannot change places',
    ]),
  );
  const result = simulate(fullHosts(4 * GiB), { preset: 'affinity' });
  expect(result.migrations).toEqual([]);
  expect(result.quiet).toBe(true);
});

test('and of the two, when one has asked the other in vain, neither asks again for a while', () => {
  const proposedAtMs: number[] = [];
  const sim = new SimCluster(fullHosts(4 * GiB), { preset: 'affinity' });
  sim.network.onArrival = (_from, _to, { kind }) => {
    if (kind === 'propose') proposedAtMs.push(sim.world.nowMs());
  };
  sim.runUntil(3_600_000);
  const [first = 0, second = 0, third = 0] = proposedAtMs;
  expect(second - first).toBeGreaterThan(85_000);
  expect(third - second).toBeGreaterThan(500_000);
});

test('when the room is gone before anything has moved the claims go home, and the log says why', () => {
  const reasons: string[] = [];
  const sim = new SimCluster(fullHosts(6 * GiB, ['e', 'f']), {
    preset: 'affinity',
    onEffect: (_host, _atMs, effect) => {
      if (effect.kind === 'log' && effect.code === 'settlement-given-up')
        reasons.push(effect.message);
    },
  });
  for (const id of ['e', 'f']) sim.world.shutDown(id);
  while (sim.deals.length === 0 && sim.world.nowMs() < 300_000)
    sim.runUntil(sim.world.nowMs() + 1_000);
  expect(sim.deals.length, 'it was agreed on paper').toBeGreaterThan(0);
  // An administrator starts what was off, one VM on each host.
  sim.world.startOn('e', 'h1');
  sim.world.startOn('f', 'h2');
  sim.runUntil(400_000);
  const waiting = sim.hosts.flatMap(({ state }) => [...(state?.holdings.values() ?? [])]);
  expect(waiting.map(({ waiting }) => waiting).join('\n')).toMatch(
    /^no room for \w+ until one of/m,
  );
  sim.runUntil(1_800_000);
  expect(sim.moves).toEqual([]);
  expect(reasons.length).toBeGreaterThan(0);
  expect(reasons.join('\n')).toMatch(/does not come: no room for/);
  expect(sim.settled, 'nothing is held away from home any more').toBe(true);
});
