/** What the golden scenarios share: reading their cluster files, and what happens in them with and without Barter. */

import { readFile } from 'node:fs/promises';
import {
  type Cluster,
  external,
  parseClusterFile,
  replay,
  type SimulationOptions,
  type SimulationResult,
  simulate,
} from '@barter/sim';
import { expect } from 'vitest';

/** Reads `name.json` beside the test. */
export async function readScenario(directory: string, name: string): Promise<Cluster> {
  const parsed = parseClusterFile(await readFile(`${directory}/${name}.json`, 'utf8'));
  if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.problems)}`);
  return parsed.value;
}

/** Simulates, and checks what has to hold in every story: the moves can be made as they are told. */
export function tell(cluster: Cluster, options: SimulationOptions): SimulationResult {
  const result = simulate(cluster, options);
  const replayed = replay(cluster, result.migrations);
  expect(replayed.problems).toEqual([]);
  expect(replayed.placement).toEqual(result.placement);
  return result;
}

/** `vm2: hvm1 → hvm2` */
export function movesOf({ migrations }: SimulationResult): readonly string[] {
  return migrations.map(({ domain, from, to }) => `${domain}: ${from} → ${to}`);
}

/** Mean of what crosses a host's uplink over the whole story; bit/s. */
export function meanUplink({ series }: SimulationResult, host: string): number {
  let sum = 0;
  for (const [index, point] of series.entries()) {
    const until = series[index + 1]?.atSeconds ?? point.atSeconds;
    sum += (point.hosts[host]?.nicBitsPerSecond ?? 0) * (until - point.atSeconds);
  }
  return sum / (series.at(-1)?.atSeconds ?? 1);
}

/** The same if nothing ever moved, from the file alone. */
export function meanUplinkUnmoved(cluster: Cluster, host: string): number {
  const home = new Map<string, string>(cluster.domains.map((domain) => [domain.id, domain.host]));
  const rates = new Map<string, readonly [string, string, number]>();
  const set = (list: Cluster['traffic']) => {
    for (const { a, b, bitsPerSecond } of list)
      rates.set([a, b].toSorted().join(' '), [a, b, bitsPerSecond]);
  };
  const now = () =>
    [...rates.values()].reduce((sum, [a, b, bitsPerSecond]) => {
      const ends = [a, b].filter((end) => end !== external && home.get(end) === host);
      return ends.length === 1 ? sum + bitsPerSecond : sum;
    }, 0);
  set(cluster.traffic);
  let [sum, atSeconds] = [0, 0];
  for (const entry of cluster.timeline) {
    sum += now() * (entry.atSeconds - atSeconds);
    atSeconds = entry.atSeconds;
    set(entry.traffic);
  }
  return sum / atSeconds;
}
