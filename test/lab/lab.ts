/**
 * A lab that is there, as a program uses it: look at it, reach into its hosts, interfere, take it away.
 *
 *   const lab = await upLab({ name: 'mine', hosts: 2, domains: 2, agents: false });   (up.ts)
 *   await lab.virsh('h1', 'list');
 *   await lab.down();
 */

import { readFileSync, rmSync } from 'node:fs';
import type { Views } from '@barter/agent/api.ts';
import { ControlClient } from '@barter/agent/control/client.ts';
import * as agents from './agent.ts';
import { downLab } from './down.ts';
import {
  type Counters,
  powerOff,
  readCounters,
  removeGuest,
  setPairRate,
  startGuest,
} from './guest.ts';
import { agentLog, inHost, libvirtSocket, outside, startLibvirt } from './host.ts';
import { type HandMigration, migrateByHand } from './migrate.ts';
import { processesIn, setUplink, shapeUplink } from './network.ts';
import type { LabOptions, Settings } from './options.ts';
import {
  forEachBounded,
  isAlive,
  LabError,
  type Output,
  type ProcessRecord,
  type RunOptions,
  run,
  until,
} from './process.ts';
import { type GuestState, type HostState, type LabState, readState, writeState } from './state.ts';
import { type Copy, findGuest, type LabStatus, readPlaces, readStatus, runsOn } from './status.ts';

/** The lab of that name as it is; undefined when there is none. */
export function openLab(name: string): Lab | undefined {
  const state = readState(name);
  return state && new Lab(state);
}

export class Lab {
  readonly state: LabState;

  constructor(state: LabState) {
    this.state = state;
  }

  readonly #record = () => writeState(this.state);

  host(id: string): HostState {
    const host = this.state.hosts.find((candidate) => candidate.id === id);
    if (!host) throw new LabError(`lab '${this.state.options.name}' has no host ${id}`);
    return host;
  }

  guest(id: string): GuestState {
    const guest = findGuest(this.state, id);
    if (!guest) throw new LabError(`lab '${this.state.options.name}' has no domain ${id}`);
    return guest;
  }

  /** Runs a command inside a host (its mounts, network and hostname). */
  async exec(host: string, argv: readonly string[], options: RunOptions = {}): Promise<Output> {
    return await run(inHost(this.host(host), argv), options);
  }

  virsh(host: string, ...argv: readonly string[]): Promise<Output> {
    return this.exec(host, ['virsh', ...argv]);
  }

  /** Runs `barter …` inside a host. */
  async barter(host: string, ...argv: readonly string[]): Promise<Output> {
    return await agents.barter(this.host(host), argv);
  }

  /** Runs `barter … --json` inside a host. Throws `LabError` when it fails. */
  async barterJson<Value>(host: string, ...argv: readonly string[]): Promise<Value> {
    return JSON.parse(await agents.mustBarter(this.host(host), [...argv, '--json'])) as Value;
  }

  /** A fresh one-time ticket from a host's agent. */
  invite(host: string): Promise<string> {
    return agents.invite(this.host(host));
  }

  /** A path inside a host as a program outside reaches it (files and sockets under the private directories). */
  path(host: string, inside: string): string {
    return outside(this.host(host), inside);
  }

  libvirtSocket(host: string): string {
    return libvirtSocket(this.host(host));
  }

  agentLog(host: string): string {
    return agentLog(this.host(host));
  }

  startAgent(host: string, environment: Readonly<Record<string, string>> = {}): Promise<void> {
    return agents.startAgent(this.host(host), this.#record, environment);
  }

  /** Ends the agent as systemd would. */
  stopAgent(host: string): Promise<void> {
    return agents.stopAgent(this.host(host), this.#record);
  }

  /** SIGKILL. */
  killAgent(host: string): Promise<void> {
    return agents.killAgent(this.host(host), this.#record);
  }

  agentRunning(host: string): boolean {
    return isAlive(this.host(host).agent);
  }

  /** Makes the hosts one cluster and starts their agents, in a lab that was built without. */
  formCluster(): Promise<void> {
    return agents.formCluster(this.state, this.#record);
  }

  /** Stops every agent and starts it again with other settings; each remembers what it knew. */
  async restartAgents(options: Partial<LabOptions> = {}): Promise<void> {
    await this.stopAgents();
    Object.assign(this.state.options, options);
    for (const host of this.state.hosts) agents.writeConfig(this.state, host);
    await Promise.all(this.state.hosts.map((host) => this.startAgent(host.id)));
  }

  async stopAgents(): Promise<void> {
    await Promise.all(this.state.hosts.map((host) => this.stopAgent(host.id)));
  }

  /** What an agent answers on its control socket; undefined when it does not. */
  async view<Name extends keyof Views>(host: string, name: Name): Promise<Views[Name] | undefined> {
    const socketPath = this.path(host, '/run/barter/control.sock');
    const answer = await new ControlClient({ socketPath }).view(name);
    return answer.ok ? answer.value : undefined;
  }

  /** Rewrites one host's configuration; it holds from the agent's next start. */
  configure(host: string, over: Settings): void {
    agents.writeConfig(this.state, this.host(host), over);
  }

  status(): Promise<LabStatus> {
    return readStatus(this.state);
  }

  /** Which hosts know each guest, and in which state; quick. */
  places(): Promise<ReadonlyMap<string, readonly Copy[]>> {
    return readPlaces(this.state);
  }

  /** The host where each guest runs; null for none or more than one. */
  async placement(): Promise<Record<string, string | null>> {
    return Object.fromEntries(
      [...(await this.places())].map(([id, copies]) => [id, runsOn(copies)]),
    );
  }

  counters(guest: string): Promise<Counters | undefined> {
    return readCounters(this.state, this.guest(guest));
  }

  /**
   * Waits until every guest answers, holds its connections and has received something on them. A guest
   * whose partner was booted afresh believes in its old connection until the kernel gives it up.
   */
  async guestsConnected(timeoutMs: number): Promise<void> {
    await forEachBounded(this.state.guests, 4, async (guest) => {
      const connected = async () => {
        const counters = await readCounters(this.state, guest);
        return (
          counters?.peers.every(
            (peer) => peer.connected && (peer.receivedBytes > 0 || peer.bitsPerSecond === 0),
          ) ?? false
        );
      };
      await until(`${guest.id} to boot and connect`, connected, timeoutMs, 300);
    });
  }

  /** Moves a running guest with virsh, as an administrator would. */
  async migrateByHand(guest: string, to: string): Promise<HandMigration> {
    const from = runsOn((await this.places()).get(guest) ?? []);
    if (from === null)
      throw new LabError(`${guest} does not run on exactly one host; look at lab status`);
    return await migrateByHand(guest, this.host(from), this.host(to));
  }

  /** Moves guests with virsh until each runs where it is wanted (where it was planned to start); boots those that are off. */
  async restorePlacement(wanted: Readonly<Record<string, string>> = {}): Promise<void> {
    const placement = await this.placement();
    await forEachBounded(this.state.guests, 2, async (guest) => {
      const to = wanted[guest.id] ?? guest.startedOn;
      const at = placement[guest.id] ?? null;
      if (at === null) await this.bootGuest(guest.id, to);
      else if (at !== to) await this.migrateByHand(guest.id, to);
    });
    await this.guestsConnected(120_000);
  }

  /** Boots a guest afresh (where it was planned to start), whatever became of it. */
  async bootGuest(guest: string, on = this.guest(guest).startedOn): Promise<void> {
    for (const host of this.state.hosts) await removeGuest(this.guest(guest), host);
    await startGuest(this.state, this.guest(guest), this.host(on));
  }

  /** Has the guest shut itself down, as its user would. */
  powerOff(guest: string): Promise<void> {
    return powerOff(this.state, this.guest(guest));
  }

  /** Changes what two guests send each other (both directions added). */
  async setPairRate(one: string, other: string, bitsPerSecond: number): Promise<void> {
    await setPairRate(this.state, this.guest(one), this.guest(other), bitsPerSecond);
    const same = (pair: { a: string; b: string }) =>
      (pair.a === one && pair.b === other) || (pair.a === other && pair.b === one);
    const pair = this.state.pairs.find(same);
    if (pair) pair.bitsPerSecond = bitsPerSecond;
    else this.state.pairs.push({ a: one, b: other, bitsPerSecond });
    this.#record();
  }

  /** Limits a host's uplink in each direction; null = no limit. */
  shapeUplink(host: string, bitsPerSecond: number | null): Promise<void> {
    return shapeUplink(this.state, this.host(host), bitsPerSecond);
  }

  setUplink(host: string, state: 'up' | 'down'): Promise<void> {
    return setUplink(this.host(host), state);
  }

  /** What runs inside a host, with its command line. */
  processesOf(host: string): readonly (ProcessRecord & Readonly<{ command: string }>)[] {
    return processesIn(this.host(host).namespace).flatMap((record) => {
      try {
        const words = readFileSync(`/proc/${record.pid}/cmdline`, 'utf8');
        return [{ ...record, command: words.replaceAll('\0', ' ') }];
      } catch {
        // It has just ended.
        return [];
      }
    });
  }

  /** Ends a host's libvirtd with SIGKILL; its guests go on. */
  async killLibvirtd(host: string): Promise<void> {
    const libvirtd = this.host(host).libvirtd;
    if (isAlive(libvirtd)) process.kill(libvirtd.pid, 'SIGKILL');
    await until(`libvirtd of ${host} to end`, () => !isAlive(libvirtd), 10_000, 20);
    rmSync(libvirtSocket(this.host(host)), { force: true });
  }

  startLibvirtd(host: string): Promise<void> {
    return startLibvirt(this.host(host), this.#record);
  }

  /** Lets the lab stay when the process that it belongs to ends. */
  disown(): void {
    this.state.owner = null;
    this.#record();
  }

  down(): Promise<boolean> {
    return downLab(this.state.options.name);
  }
}
