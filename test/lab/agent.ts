/**
 * The agents of the lab: their configuration, how the hosts become one cluster (init on the first, a ticket
 * for each other), and how one is started, killed and asked.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { accepts, agentLog, inHost, noteInAgentLog, outside, tail } from './host.ts';
import { mergeSettings, type Settings } from './options.ts';
import {
  endAll,
  forEachBounded,
  isAlive,
  LabError,
  type Output,
  run,
  startDetached,
  until,
} from './process.ts';
import type { HostState, LabState } from './state.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The command line of `barter`, run from source by the repository's own Node. */
export function barterCommand(argv: readonly string[]): string[] {
  return [
    `${repository}node_modules/.bin/node`,
    `${repository}packages/cli/bin/barter.mjs`,
    ...argv,
  ];
}

/**
 * What puts a command under the limits of the unit that operators install: root with its capabilities, which no
 * program can gain back, and its file mode mask. The rest of the unit's hardening needs systemd.
 */
function asInTheUnit(argv: readonly string[]): string[] {
  const unit = readFileSync(`${repository}deploy/barter.service`, 'utf8');
  const capabilities = /^CapabilityBoundingSet=(.+)$/m.exec(unit)?.[1]?.split(' ') ?? [];
  if (capabilities.length === 0) throw new LabError('deploy/barter.service bounds no capabilities');
  const kept = capabilities.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
  return [
    ...['setpriv', '--no-new-privs', '--inh-caps=-all'],
    `--bounding-set=-all,${kept.join(',')}`,
    ...['sh', '-c', 'umask 0077; exec "$@"', 'unit'],
    ...argv,
  ];
}

/** Runs `barter …` in a host. */
export function barter(
  host: HostState,
  argv: readonly string[],
  timeoutMs = 30_000,
): Promise<Output> {
  return run(inHost(host, barterCommand(argv)), { timeoutMs });
}

/**
 * Writes the host's /etc/barter/barter.yaml. The lab is brisker than a data centre, so that something is to
 * be seen within a minute; the lab's options win over that, and `over` over those.
 */
export function writeConfig(lab: LabState, host: HostState, over: Settings = {}): void {
  const { name, mode, uplinkBitsPerSecond, settings } = lab.options;
  const base: Settings = {
    cluster: { name },
    listen: [`/ip4/${host.address}/tcp/7411`],
    mode,
    probe: { intervalSeconds: 2, smoothingSeconds: 6 },
    trading: { everySeconds: 2, settleAfterSeconds: 4, cooldownSeconds: 60 },
    limits: {
      ...memoryLimits(lab),
      nic: `${(uplinkBitsPerSecond ?? 1e9) / 1000}kbit`,
      // A cap means that only guests count: all hosts share this machine's CPUs, and each would take the
      // others' work for a load of its own, and flee it.
      vcpus: availableParallelism(),
      cpuOvercommit: 16,
    },
  };
  const merged = mergeSettings(mergeSettings(base, settings), over);
  // JSON is YAML.
  writeFileSync(outside(host, '/etc/barter/barter.yaml'), `${JSON.stringify(merged, null, 2)}\n`);
}

/**
 * The agent's memory limit that lets so many guests in for good and `transientGuestsPerHost` more while they
 * change places: the headroom is the share of the limit that only guests in transit may use.
 */
function memoryLimits(lab: LabState): Settings {
  const { hosts, domains, transientGuestsPerHost, guestMemoryBytes } = lab.options;
  const lastingGuests = lab.options.guestsPerHost ?? Math.ceil(domains / hosts) + 1;
  const guest = guestMemoryBytes + guestOverheadBytes;
  // Half a guest of slack: the limits are about whole guests, not about how their overhead is counted.
  const lasting = (lastingGuests + 0.5) * guest;
  const all = lasting + transientGuestsPerHost * guest;
  return {
    memory: `${Math.ceil(all / 2 ** 20)}MiB`,
    headroom: `${((1 - lasting / all) * 100).toFixed(2)}%`,
  };
}

/** About what Barter counts beyond a guest's own memory (QEMU, one vCPU, page tables). */
const guestOverheadBytes = 57 * 2 ** 20;

/** Makes the hosts one cluster: init on the first, then a ticket for each of the others. Starts every agent. */
export async function formCluster(lab: LabState, record: () => void): Promise<void> {
  const [first, ...others] = lab.hosts;
  if (!first) return;
  for (const host of lab.hosts) writeConfig(lab, host);
  await mustBarter(first, ['init']);
  await startAgent(first, record);
  await forEachBounded(others, 2, async (host) => {
    await mustBarter(host, ['join', await invite(first)]);
    await startAgent(host, record);
  });
}

/** A fresh one-time ticket from a host's agent. */
export async function invite(host: HostState): Promise<string> {
  const answer = JSON.parse(await mustBarter(host, ['invite', '--json'])) as { ticket: string };
  return answer.ticket;
}

/** Runs `barter …` in a host and returns its stdout. Throws `LabError` with its words when it fails. */
export async function mustBarter(host: HostState, argv: readonly string[]): Promise<string> {
  const result = await barter(host, argv);
  if (result.code === 0) return result.stdout;
  throw new LabError(
    `barter ${argv[0]} on ${host.id} failed (exit code ${result.code}): ${result.stderr.trim().slice(-500)}`,
  );
}

/** Starts a host's agent if it is not running, and waits until its control socket answers. */
export async function startAgent(
  host: HostState,
  record: () => void,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  host.agentWanted = true;
  if (isAlive(host.agent)) return;
  noteInAgentLog(host, 'agent started');
  host.agent = await startDetached(
    inHost(host, asInTheUnit(barterCommand(['agent']))),
    agentLog(host),
    environment,
  );
  record();
  const agent = host.agent;
  const answers = () => {
    if (!isAlive(agent))
      throw new LabError(`the agent of ${host.id} ended: ${tail(agentLog(host))}`);
    return accepts(outside(host, '/run/barter/control.sock'));
  };
  await until(`the control socket of ${host.id}'s agent`, answers, 30_000, 100);
}

/** Ends a host's agent as systemd would. */
export async function stopAgent(host: HostState, record: () => void): Promise<void> {
  host.agentWanted = false;
  if (host.agent) await endAll([host.agent], 10_000);
  host.agent = null;
  record();
}

/** Ends a host's agent with SIGKILL, in whatever it is doing. */
export async function killAgent(host: HostState, record: () => void): Promise<void> {
  noteInAgentLog(host, 'agent killed');
  host.agentWanted = false;
  if (host.agent) await endAll([host.agent], 0);
  host.agent = null;
  record();
}
