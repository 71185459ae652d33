/** Builds a lab: network, hosts, guests, agents, in this order; what it makes is in the state file first. */

import { takeAbandonedAway, thisProcess } from './abandoned.ts';
import { formCluster } from './agent.ts';
import { tearDown } from './down.ts';
import { startGuest } from './guest.ts';
import { makeHost, startLibvirt } from './host.ts';
import { Lab } from './lab.ts';
import { makeHostNetwork, makeSwitch, namespaceExists } from './network.ts';
import { completeOptions, type LabOptions } from './options.ts';
import { planLab } from './plan.ts';
import { forEachBounded, isAlive, LabError, type ProcessRecord } from './process.ts';
import { whyNoLab } from './requirements.ts';
import { bootId, type LabState, readState, withLabLock, writeState } from './state.ts';

export type Report = (line: string) => void;

/**
 * Builds a lab and returns when its agents answer and every guest holds its connections. Harmless when the same
 * lab is up already: what is missing of its agents is started. What an earlier `up` left unfinished is
 * removed first, and so is every lab whose process is gone. `owner` is the process that the lab goes with; null = none,
 * it stays until somebody takes it away. Throws `LabError`.
 */
export async function upLab(
  given: Partial<LabOptions> = {},
  report: Report = () => {},
  owner: ProcessRecord | null = thisProcess(),
): Promise<Lab> {
  const why = whyNoLab();
  if (why) throw new LabError(why);
  const options = completeOptions(given);
  await takeAbandonedAway(report);
  return await withLabLock(options.name, async () => {
    const earlier = readState(options.name);
    if (earlier && isUp(earlier)) {
      const lab = await complete(earlier, options, report);
      // Who wants it to stay gets that; who wants it only for a while finds it as it was.
      if (owner === null) lab.disown();
      return lab;
    }
    if (earlier) {
      report(`removing what is left of an earlier lab '${options.name}'`);
      await tearDown(options.name);
    }
    try {
      return await build(options, owner, report);
    } catch (error) {
      if (error instanceof NameTaken) throw error;
      report('that failed; removing what was made');
      await tearDown(options.name);
      throw error;
    }
  });
}

class NameTaken extends LabError {}

function isUp(state: LabState): boolean {
  return (
    state.phase === 'up' &&
    state.bootId === bootId() &&
    state.hosts.every((host) => isAlive(host.holder) && isAlive(host.libvirtd))
  );
}

async function complete(state: LabState, options: LabOptions, report: Report): Promise<Lab> {
  const { hosts, domains } = state.options;
  if (hosts !== options.hosts || domains !== options.domains) {
    throw new LabError(
      `lab '${options.name}' is up with ${hosts} hosts and ${domains} domains; run down first, or choose another --name`,
    );
  }
  report(`lab '${options.name}' is up`);
  const lab = new Lab(state);
  for (const host of state.hosts) if (host.agentWanted) await lab.startAgent(host.id);
  return lab;
}

async function build(
  options: LabOptions,
  owner: ProcessRecord | null,
  report: Report,
): Promise<Lab> {
  const state = planLab(options, owner);
  const taken = [state.switchNamespace, ...state.hosts.map((host) => host.namespace)].find(
    namespaceExists,
  );
  if (taken !== undefined) {
    throw new NameTaken(
      `a network namespace ${taken} exists and is not this lab's; choose another --name`,
    );
  }
  const record = () => writeState(state);
  record();
  report(`hosts: ${options.hosts}`);
  await makeSwitch(state);
  await forEachBounded(state.hosts, 4, async (host) => {
    await makeHostNetwork(state, host);
    await makeHost(host, options.diskBytes, record);
    await startLibvirt(host, record);
  });
  const lab = new Lab(state);
  report(`guests: ${options.domains}`);
  await forEachBounded(state.guests, 4, (guest) =>
    startGuest(state, guest, lab.host(guest.startedOn)),
  );
  await lab.guestsConnected(60_000 + 15_000 * options.domains);
  if (options.agents) {
    report('agents');
    await formCluster(state, record);
  }
  state.phase = 'up';
  record();
  report('up');
  return lab;
}
