/**
 * Two machines with systemd, libvirtd and guests, on which Barter is installed with the commands of docs/operating.md as
 * they stand there, and made one cluster.
 */

import { cpSync, readFileSync, rmSync } from 'node:fs';
import { policyNamespace, policyPrefix, writePolicy } from '@barter/agent/hypervisor/policy-xml.ts';
import { takeAbandonedAway, thisProcess } from '../abandoned.ts';
import { writeConfig } from '../agent.ts';
import { downLab, tearDown } from '../down.ts';
import { startGuest } from '../guest.ts';
import { outside } from '../host.ts';
import { Lab } from '../lab.ts';
import { makeHostNetwork, makeSwitch, namespaceExists } from '../network.ts';
import { completeOptions } from '../options.ts';
import { cgroupName, planLab } from '../plan.ts';
import { isAlive, LabError, until } from '../process.ts';
import { readState, withLabLock, writeState } from '../state.ts';
import { storySettings } from '../stories/steps.ts';
import type { Report } from '../up.ts';
import { buildBarter, libvirtFiles, repository } from './image.ts';
import { bootMachine, mustOnMachine, onMachine } from './machine.ts';

/** Runs `barter` without being root: a member of its group, and one who is not. */
export const operator = 'barter-member';
export const stranger = 'barter-other';

/** The doctor warns of it, and does not take it for full. */
const agentDiskBytes = 96 * 2 ** 20;

/** vm1 goes to and fro between vm2, which stays on h2, and vm3, which stays on h1. */
export const wander = 'vm1';
const stays = { h1: 'vm3', h2: 'vm2' } as const;
export type MachineId = keyof typeof stays;
const talkBitsPerSecond = 10e6;

export async function upMachines(name: string, keep: boolean, report: Report): Promise<Lab> {
  await takeAbandonedAway(report);
  return await withLabLock(name, async () => {
    const earlier = readState(name);
    if (earlier && isAlive(earlier.owner))
      throw new LabError(
        `lab '${name}' belongs to process ${earlier.owner.pid}; wait until it ends`,
      );
    if (earlier) await tearDown(name);
    const options = completeOptions({
      name,
      hosts: 2,
      domains: 3,
      guestsPerHost: 3,
      mode: 'advise',
      diskBytes: agentDiskBytes,
      // Memory takes some ten seconds, so that there is time to interfere.
      settings: { ...storySettings, migration: { bandwidth: '64Mbit' } },
    });
    const state = planLab(options, keep ? null : thisProcess());
    const names = [state.switchNamespace, ...state.hosts.map(({ namespace }) => namespace)];
    const taken = names.find(namespaceExists);
    if (taken !== undefined) throw new LabError(`a network namespace ${taken} exists already`);
    const record = () => writeState(state);
    record();
    try {
      const lab = new Lab(state);
      report('machines');
      const libvirt = await libvirtFiles();
      await makeSwitch(state);
      for (const host of state.hosts) {
        await makeHostNetwork(state, host);
        const cgroup = cgroupName(state, host);
        await bootMachine(host, { libvirt, diskBytes: agentDiskBytes, cgroup }, record);
      }
      report('guests');
      for (const guest of state.guests) await startGuest(state, guest, lab.host(guest.startedOn));
      for (const [host, guest] of Object.entries(stays)) await pin(lab, guest, host);
      await lab.guestsConnected(120_000);
      report('agents, installed as docs/operating.md says');
      await buildBarter(state.directory);
      for (const host of state.hosts) await install(lab, host.id);
      await formCluster(lab);
      state.phase = 'up';
      record();
      return lab;
    } catch (error) {
      if (!keep) await tearDown(name);
      throw error;
    }
  });
}

export function downMachines(lab: Lab): Promise<boolean> {
  return downLab(lab.state.options.name);
}

async function pin(lab: Lab, guest: string, host: string): Promise<void> {
  const policy = writePolicy({ pin: [host] }) ?? '';
  const words = ['--uri', policyNamespace, '--key', policyPrefix, '--set', policy];
  await mustOnMachine(lab.host(host), ['virsh', 'metadata', guest, ...words, '--live', '--config']);
}

/** The commands of the guide's first block, without the one that fetches and builds. */
export function installCommands(guide: string): string {
  const block = /^## Install\n[\s\S]*?```sh\n([\s\S]*?)```/m.exec(guide)?.[1] ?? '';
  const commands = block.split('\n').filter((line) => line !== '' && !line.startsWith('git clone'));
  if (commands.length < 4) throw new LabError('docs/operating.md has no commands to install with');
  return commands.join('\n');
}

async function install(lab: Lab, id: string): Promise<void> {
  const host = lab.host(id);
  const guide = readFileSync(`${repository}docs/operating.md`, 'utf8');
  const place = '/run/install';
  for (const part of ['dist', 'deploy'])
    cpSync(`${lab.state.directory}/${part}`, `${outside(host, place)}/${part}`, {
      recursive: true,
    });
  await mustOnMachine(host, ['sh', '-ec', `cd ${place}\n${installCommands(guide)}`]);
  const users = `useradd -M -U -G barter ${operator}; useradd -M -U ${stranger}`;
  await mustOnMachine(host, ['sh', '-ec', users]);
  writeConfig(lab.state, host);
}

async function formCluster(lab: Lab): Promise<void> {
  const [one, other] = [lab.host('h1'), lab.host('h2')];
  const start = 'systemctl enable --quiet --now barter';
  const first = await mustOnMachine(one, ['sh', '-ec', `barter init >&2; ${start}`]).then(
    async () => {
      await answers(lab, 'h1');
      return await mustOnMachine(one, ['barter', 'invite', '--json']);
    },
  );
  const { ticket } = JSON.parse(first) as { ticket: string };
  await mustOnMachine(other, ['sh', '-ec', `barter join "$1" >&2; ${start}`, 'join', ticket]);
  await answers(lab, 'h2');
}

/** Waits until the machine's agent answers. */
export async function answers(lab: Lab, id: string, withinMs = 60_000): Promise<void> {
  const asked = async () => (await lab.view(id, 'status')) !== undefined;
  await until(`the agent of ${id} to answer`, asked, withinMs, 200);
}

/** Runs a command on a machine as one of its users, who is no root. */
export function asUser(lab: Lab, id: string, user: string, argv: readonly string[]) {
  return onMachine(lab.host(id), [
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--'],
    ...argv,
  ]);
}

/** What the unit's property is now. */
export async function property(lab: Lab, id: string, name: string): Promise<string> {
  const argv = ['systemctl', 'show', 'barter', '-P', name];
  return (await mustOnMachine(lab.host(id), argv)).trim();
}

/** The guest that moves talks to the one that stays on `to`; agents agree on the move, and a member of the group approves it. */
export async function orderMigration(lab: Lab, to: MachineId): Promise<void> {
  const from: MachineId = to === 'h1' ? 'h2' : 'h1';
  // What is seen first counts at once, and what has changed only when it has lasted: they begin anew.
  const ids = lab.state.hosts.map(({ id }) => id);
  for (const id of ids) await mustOnMachine(lab.host(id), ['systemctl', 'stop', 'barter']);
  const known = ['', '-wal', '-shm'].map((suffix) => `/var/lib/barter/journal.sqlite${suffix}`);
  for (const file of [...known, '/run/barter/probe.json'])
    for (const id of ids) rmSync(lab.path(id, file), { force: true });
  await lab.setPairRate(wander, stays[from], 0);
  await lab.setPairRate(wander, stays[to], talkBitsPerSecond);
  for (const id of ids) await mustOnMachine(lab.host(id), ['systemctl', 'start', 'barter']);
  const waits = async () =>
    JSON.stringify((await lab.view(from, 'moves')) ?? {}).includes('approv');
  await until(`the agents to agree that ${wander} goes to ${to}`, waits, 120_000, 200);
  const approved = await asUser(lab, from, operator, ['barter', 'approve', wander]);
  if (approved.code !== 0) throw new LabError(`barter approve: ${approved.stderr}`);
}

/** The same, and returns when its memory is on the way. */
export async function beginMigration(lab: Lab, to: MachineId): Promise<void> {
  const from: MachineId = to === 'h1' ? 'h2' : 'h1';
  await orderMigration(lab, to);
  const copying = async () => {
    const job = await onMachine(lab.host(from), ['virsh', 'domjobinfo', wander, '--rawstats']);
    return Number(/^memory_processed:\s*(\d+)/m.exec(job.stdout)?.[1] ?? 0) > 2e6;
  };
  await until(`memory of ${wander} to be on its way`, copying, 90_000, 50);
}

/** Waits until the guest runs there and nowhere else, and no agent has anything open. */
export async function migrationEnds(lab: Lab, at: MachineId, withinMs = 120_000): Promise<void> {
  const over = async () => {
    const copies = (await lab.places()).get(wander) ?? [];
    if (copies.length !== 1 || copies[0]?.host !== at || copies[0].state !== 'running')
      return false;
    const views = await Promise.all(['h1', 'h2'].map((id) => lab.view(id, 'status')));
    return views.every((view) => view !== undefined && view.migrations.running.length === 0);
  };
  await until(`${wander} to run on ${at}, and nothing to be open`, over, withinMs, 300);
}

/** Everything that has been written to the unit's journal, a line each. */
export async function journal(lab: Lab, id: string): Promise<readonly string[]> {
  const argv = ['journalctl', '-u', 'barter', '-b', '-o', 'cat', '--no-pager'];
  const text = await mustOnMachine(lab.host(id), argv);
  return text.split('\n').filter((line) => line !== '');
}
