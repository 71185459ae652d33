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

/** Puts every guest back where it was planned to start, so that all pairs are split, while no agent acts. */
export async function splitAllPairs(lab: Lab): Promise<void> {
  await Promise.all(lab.state.hosts.map((host) => lab.stopAgent(host.id)));
  await lab.restorePlacement();
}

/** Waits until every pair shares a host and says so within the time promised. */
export async function untilTogether(lab: Lab, timeoutMs = togetherWithinMs): Promise<void> {
  const together = async () => {
    const placement = await lab.placement();
    return lab.state.pairs.every(
      ({ a, b }) => placement[a] !== null && placement[a] === placement[b],
    );
  };
  await until('every pair to share a host', together, timeoutMs, 500);
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
      const answer = await lab.barter(host.id, 'status', '--json');
      if (answer.code !== 0) return false;
      const { peers, measured } = JSON.parse(answer.stdout) as {
        peers: { connected: number };
        measured: boolean;
      };
      return peers.connected === others && measured;
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
