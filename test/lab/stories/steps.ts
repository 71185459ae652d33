/** What the stories have in common: how fast agents trade in them, and how they begin and end. */

import { expect } from 'vitest';
import type { Lab } from '../lab.ts';
import type { Settings } from '../options.ts';
import { until } from '../process.ts';
import type { DomainStatus } from '../status.ts';
import { Watch } from './watch.ts';

/** Seconds where an operator has minutes. */
export const storySettings: Settings = {
  probe: { intervalSeconds: 1, smoothingSeconds: 4 },
  trading: { everySeconds: 1, settleAfterSeconds: 2, cooldownSeconds: 1 },
};

/** Longest wait for all pairs to share hosts: the promise made for three hosts and six guests. */
export const togetherWithinMs = 180_000;

/** Runs a story under the watch: at its end every guest must have run on exactly one host all the time. */
export async function watched(lab: Lab, story: (watch: Watch) => Promise<void>): Promise<void> {
  const watch = new Watch(lab);
  try {
    await story(watch);
  } finally {
    expect(await watch.end()).toEqual([]);
  }
}

/**
 * Ends the agents and, with virsh, lets one guest of a pair and one of another change places, so that both pairs are
 * split and every host has as many guests as before. Guests that are off are booted.
 */
export async function splitTwoPairs(lab: Lab): Promise<void> {
  await lab.stopAgents();
  const placement = await lab.placement();
  const together = lab.state.pairs.filter(
    ({ a, b }) => placement[a] && placement[a] === placement[b],
  );
  const one = together[0];
  const other = together.find(({ b }) => one !== undefined && placement[b] !== placement[one.b]);
  if (one === undefined || other === undefined) return lab.restorePlacement();
  const wanted = { ...placement, [one.b]: placement[other.b], [other.b]: placement[one.b] };
  const known = Object.entries(wanted).filter((entry): entry is [string, string] => !!entry[1]);
  await lab.restorePlacement(Object.fromEntries(known));
}

/** Whether every pair shares a host. */
export async function areTogether(lab: Lab, pairs = lab.state.pairs): Promise<boolean> {
  const placement = await lab.placement();
  return pairs.every(({ a, b }) => placement[a] !== null && placement[a] === placement[b]);
}

/** Waits until every pair shares a host and says so within the time promised. */
export async function untilTogether(lab: Lab): Promise<void> {
  await until('every pair to share a host', () => areTogether(lab), togetherWithinMs, 500);
}

/** Connections lost so far, guest by guest; the sum over a story must be zero. */
export async function connectionsLost(lab: Lab): Promise<Record<string, number | null>> {
  const { domains } = await lab.status();
  return Object.fromEntries(domains.map(({ id, connectionsLost }) => [id, connectionsLost]));
}

/** Waits until the agent of each host is connected to all others and measures. */
export async function untilReady(lab: Lab): Promise<void> {
  const others = lab.state.hosts.length - 1;
  for (const host of lab.state.hosts) {
    const ready = async () => {
      const status = await lab.view(host.id, 'status');
      return status?.peers.connected === others && status.measured;
    };
    await until(`the agent of ${host.id} to be connected and to measure`, ready, 60_000, 500);
  }
}

/** One sentence for people who read the test's output; figures come from this run. */
export function measured(text: string): void {
  console.info(`lab, measured: ${text}`);
}

export async function receivedBytes(lab: Lab): Promise<number> {
  const { domains } = await lab.status();
  return domains.reduce(
    (sum: number, domain: DomainStatus) => sum + (domain.receivedBytes ?? 0),
    0,
  );
}
