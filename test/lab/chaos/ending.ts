/** After the faults: whether everything comes to rest, and what does not. Asked of QEMUs, libvirtds and agents alike. */

import type { StatusView } from '@barter/agent/api.ts';
import type { Lab } from '../lab.ts';
import { poll } from '../process.ts';
import type { Connections } from './connections.ts';
import { moversOf } from './faults.ts';
import { runsNow } from './lives.ts';
import type { Supervisor } from './supervisor.ts';
import type { QemuWatch } from './watch.ts';

export type Ended = Readonly<{
  settledAfterSeconds: number | null;
  /** What is not as it should be, one sentence each. */
  open: readonly string[];
  /** What agents say that an operator has to look at. */
  operator: readonly string[];
}>;

export type Parts = Readonly<{
  lab: Lab;
  watch: QemuWatch;
  connections: Connections;
  supervisor: Supervisor;
}>;

/** Waits until nothing is open any more, for at most `withinMs`. */
export async function settle(
  parts: Parts,
  withinMs: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Ended> {
  const beganAt = performance.now();
  const before = parts.connections.received();
  let open: readonly string[] = [];
  const rests = async () => {
    const now = await whatIsOpen(parts, before);
    if (now.join() !== open.join()) say(`open: ${now.join('; ') || 'nothing'}`);
    open = now;
    return open.length === 0 || signal.aborted;
  };
  const settled = await poll(rests, withinMs, 2_000);
  const settledAfterSeconds = settled ? (performance.now() - beganAt) / 1000 : null;
  return { settledAfterSeconds, open, operator: await forOperators(parts.lab) };
}

/** Every sentence is one thing that has to end, or has to be put right. */
async function whatIsOpen(
  { lab, watch, connections, supervisor }: Parts,
  receivedBefore: ReadonlyMap<string, number>,
): Promise<readonly string[]> {
  await connections.read();
  const received = connections.received();
  const guests = lab.state.guests.flatMap(({ id }): readonly string[] => {
    const silent = connections.silent(id);
    const mute = (received.get(id) ?? 0) <= (receivedBefore.get(id) ?? 0);
    return [
      ...notOnce(watch, id),
      ...(silent.length > 0 ? [`${id} has no connection to ${silent.join(', ')}`] : []),
      ...(mute ? [`${id} has received nothing since the faults ended`] : []),
    ];
  });
  const hosts = await Promise.all(lab.state.hosts.map(({ id }) => openOn(lab, id)));
  return [
    ...(supervisor.allUp ? [] : ['an agent or a libvirtd is not up']),
    ...guests,
    ...hosts.flat(),
    ...(await wrongDefinitions(lab)),
  ];
}

function notOnce(watch: QemuWatch, guest: string): readonly string[] {
  const living = watch.livingOf(guest);
  if (living.length === 1 && living[0] && runsNow(living[0])) return [];
  const where = living.map((life) => `${life.host}: ${runsNow(life) ? 'running' : 'paused'}`);
  return [`${guest} has ${living.length} QEMUs (${where.join(', ') || 'nowhere'})`];
}

async function openOn(lab: Lab, host: string): Promise<readonly string[]> {
  const movers = moversOf(lab, host).length;
  const status = await lab.view(host, 'status');
  const open = status ? openInAgent(lab, status) : ['does not answer'];
  return [
    ...open.map((what) => `the agent of ${host} ${what}`),
    ...(movers > 0 ? [`${movers} movers run on ${host}`] : []),
  ];
}

function openInAgent(lab: Lab, status: StatusView): readonly string[] {
  const { deals, migrations, domains, peers, measured } = status;
  const others = lab.state.hosts.length - 1;
  const moving = migrations.running.map(({ name, to, phase }) => `${name} to ${to}, ${phase}`);
  return [
    ...(peers.connected === others ? [] : [`reaches ${peers.connected} of ${others} peers`]),
    ...(measured ? [] : ['does not measure']),
    ...(deals.open === 0 ? [] : [`has ${deals.open} open deals`]),
    ...(moving.length === 0 ? [] : [`has migrations under way (${moving.join('; ')})`]),
    ...(domains.heldElsewhere === 0 ? [] : [`has ${domains.heldElsewhere} domains held elsewhere`]),
    ...(domains.heldHere === 0 ? [] : [`holds ${domains.heldHere} claims on domains elsewhere`]),
  ];
}

/** Every guest is defined, to last and to start by itself, on the host where it runs and on no other. */
async function wrongDefinitions(lab: Lab): Promise<readonly string[]> {
  const kinds = ['--all', '--persistent', '--autostart'] as const;
  const perHost = await Promise.all(
    lab.state.hosts.map(async ({ id }) => {
      const [all, lasting, starting] = await Promise.all(kinds.map((kind) => names(lab, id, kind)));
      return { id, all, lasting, starting, running: await names(lab, id, '--state-running') };
    }),
  );
  return lab.state.guests.flatMap(({ id: guest }) =>
    perHost.flatMap(({ id: host, all, lasting, starting, running }): readonly string[] => {
      if (!all || !lasting || !starting || !running) return [`libvirtd of ${host} does not answer`];
      if (!all.includes(guest)) return [];
      if (!running.includes(guest)) {
        const second = starting.includes(guest) ? ', and it would start with the host' : '';
        return [`${guest} is defined on ${host} and does not run there${second}`];
      }
      return [
        ...(lasting.includes(guest)
          ? []
          : [`${guest} runs on ${host} without a lasting definition`]),
        ...(starting.includes(guest) ? [] : [`${guest} would not start with ${host} any more`]),
      ];
    }),
  );
}

async function names(
  lab: Lab,
  host: string,
  filter: string,
): Promise<readonly string[] | undefined> {
  const all = filter === '--all' ? [] : ['--all'];
  const listed = await lab.exec(host, ['virsh', '-q', '-r', 'list', '--name', ...all, filter], {
    timeoutMs: 15_000,
  });
  return listed.code === 0 ? listed.stdout.split('\n').map((name) => name.trim()) : undefined;
}

/** What the agents cannot decide by themselves; one sentence each. */
export async function forOperators(lab: Lab): Promise<readonly string[]> {
  const perHost = await Promise.all(
    lab.state.hosts.map(async ({ id }) => {
      const status = await lab.view(id, 'status');
      return (status?.problems ?? []).map((problem) => `${id}: ${problem}`);
    }),
  );
  return perHost.flat();
}

/** Has every guest start with its host, as guests that matter do: a definition that is left behind would start a second one. */
export async function setAutostart(lab: Lab): Promise<void> {
  for (const { id, startedOn } of lab.state.guests) await lab.virsh(startedOn, 'autostart', id);
}
