/**
 * Replays what an algorithm did from the world alone, sharing no code with the placement it worked on: every
 * move from where its domain is, and after every step, memory and vCPUs within the limits.
 */

import type { World } from '../../../packages/core/src/model/cost.ts';
import type { Step } from './placement.ts';

/** Answers with the world as it is in the end; throws at the first limit that is broken. */
export function replaySteps(world: World, steps: readonly Step[]): World {
  const holders = world.domains.map(({ holder }) => holder);
  const index = new Map(world.hosts.map(({ host }, n) => [host, n]));
  const memory = world.hosts.map(({ memoryBytes }) => memoryBytes);
  const vcpus = world.hosts.map(() => 0);
  const add = (host: number, domain: number, sign: 1 | -1): void => {
    const traits = world.domains[domain]?.traits;
    if (!traits) throw new Error(`there is no domain ${domain}`);
    memory[host] = (memory[host] ?? 0) + sign * traits.memoryBytes;
    vcpus[host] = (vcpus[host] ?? 0) + sign * traits.vcpus;
  };
  world.domains.forEach(({ holder }, domain) => {
    add(index.get(holder) ?? -1, domain, 1);
  });
  for (const [n, step] of steps.entries()) {
    for (const { domain, from, to } of step) {
      const at = holders[domain];
      if (at === undefined || index.get(at) !== from)
        throw new Error(`step ${n}: domain ${domain} is not on host ${from}`);
      const target = world.hosts[to];
      if (!target) throw new Error(`step ${n}: there is no host ${to}`);
      add(from, domain, -1);
      add(to, domain, 1);
      holders[domain] = target.host;
    }
    for (const { to } of step) {
      const capacity = world.hosts[to]?.capacity;
      if (!capacity) continue;
      if ((memory[to] ?? 0) > capacity.memoryLimitBytes || (vcpus[to] ?? 0) > capacity.vcpuLimit)
        throw new Error(`step ${n}: host ${to} holds more than it may`);
    }
  }
  const domains = world.domains.map((d, n) => ({ ...d, holder: holders[n] ?? d.holder }));
  return { ...world, domains };
}
