/**
 * `sudo node_modules/.bin/node test/lab/measure.ts [UPLINK] [RATE]`: the figures that are quoted of the lab, from one run: three hosts on 50 Mbit/s uplinks,
 * three pairs of guests that would talk faster than that lets them, before and after the agents have traded.
 */

import type { MoveView } from '@barter/agent/api.ts';
import type { Lab } from './lab.ts';
import { parseBitsPerSecond } from './options.ts';
import { LabError, until } from './process.ts';
import { upLab } from './up.ts';

const uplink = parseBitsPerSecond(process.argv[2] ?? '50mbit');
const pair = parseBitsPerSecond(process.argv[3] ?? '60mbit');
const windowMs = 10_000;

async function main(): Promise<void> {
  const started = performance.now();
  const lab = await upLab({
    name: 'measure',
    hosts: 3,
    domains: 6,
    guestsPerHost: 2,
    uplinkBitsPerSecond: uplink,
    pairBitsPerSecond: pair,
    agents: false,
  });
  try {
    say('up without agents', `${seconds(started)} s`);
    say('uplink, each direction', `${uplink / 1e6} Mbit/s`);
    say('wanted by each pair', `${pair / 1e6} Mbit/s`);
    say('received by all guests before', `${await receivedMegabits(lab)} Mbit/s`);
    const forming = performance.now();
    await lab.formCluster();
    say('cluster formed and agents answering', `${seconds(forming)} s`);
    await until('a deal', async () => (await committed(lab)) > 0, 180_000, 200);
    say('from the first agent to the first committed deal', `${seconds(forming)} s`);
    await until('cost 0', async () => (await lab.status()).networkCost === 0, 300_000, 500);
    say('from the first agent to network cost 0', `${seconds(forming)} s`);
    say('received by all guests after', `${await receivedMegabits(lab)} Mbit/s`);
    for (const move of await moves(lab)) {
      const duration = ((move.endedAtMs ?? 0) - (move.startedAtMs ?? 0)) / 1000;
      say(`${move.name} migrated in`, `${duration.toFixed(1)} s, downtime ${move.downtimeMs} ms`);
    }
    const { domains } = await lab.status();
    say('connections lost', domains.map(({ connectionsLost }) => connectionsLost).join(' '));
  } finally {
    await lab.down();
  }
}

function say(what: string, figure: string): void {
  console.log(`${what.padEnd(52)} ${figure}`);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

/** What all guests together receive, by their own counters and clocks. */
async function receivedMegabits(lab: Lab): Promise<string> {
  const ids = lab.state.guests.map(({ id }) => id);
  const read = async (id: string) => {
    const counters = await lab.counters(id);
    if (!counters) throw new LabError(`${id} does not answer`);
    const bytes = counters.peers.reduce((sum, peer) => sum + peer.receivedBytes, 0);
    return { bytes, atMs: counters.uptimeMs };
  };
  const before = await Promise.all(ids.map(read));
  await new Promise((resolve) => setTimeout(resolve, windowMs));
  const after = await Promise.all(ids.map(read));
  const rates = after.map(({ bytes, atMs }, index) => {
    const first = before[index] ?? { bytes, atMs };
    return ((bytes - first.bytes) * 8) / (atMs - first.atMs) / 1000;
  });
  return rates.reduce((sum, rate) => sum + rate, 0).toFixed(1);
}

async function committed(lab: Lab): Promise<number> {
  const views = await Promise.all(lab.state.hosts.map(({ id }) => lab.view(id, 'status')));
  return views.reduce((sum, status) => sum + (status?.deals.committed ?? 0), 0);
}

async function moves(lab: Lab): Promise<readonly MoveView[]> {
  const views = await Promise.all(lab.state.hosts.map(({ id }) => lab.view(id, 'moves')));
  return views.flatMap((view) => view ?? []).filter(({ downtimeMs }) => downtimeMs !== null);
}

await main();
