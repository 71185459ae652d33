/**
 * One row of the table of what dies during a migration, on real guests: agents agree that vm1 goes from h1 to h2,
 * an operator approves it, and the row waits for its phase, kills something there, and lets everything come back.
 *
 * vm2 is pinned to h2, so it is always vm1 that moves. What libvirt says is read over its own sockets, every few
 * milliseconds, and never from the agents.
 */

import { rmSync } from 'node:fs';
import { policyNamespace, policyPrefix, writePolicy } from '@barter/agent/hypervisor/policy-xml.ts';
import {
  domainState,
  impact,
  isNotFound,
  LibvirtClient,
  numberOf,
  pausedReason,
} from '@barter/libvirt';
import type { Lab } from '../lab.ts';
import { isAlive, LabError, type ProcessRecord, signal, until } from '../process.ts';

export const guest = 'vm1';
export const source = 'h1';
export const target = 'h2';
export type HostId = typeof source | typeof target;

/** What libvirt on one host says of the guest. */
export type Seen = 'running' | 'left paused' | 'paused' | 'shut off' | 'absent' | 'unreachable';

const agreedWithinMs = 90_000;
const phaseWithinMs = 90_000;

export class Stage {
  readonly lab: Lab;
  readonly #clients = new Map<HostId, LibvirtClient>();
  readonly #frozen = new Map<string, ProcessRecord>();
  #bothSinceMs: number | undefined;
  #bothMs = 0;
  #wasCut = false;
  #watching = true;
  #watch: Promise<void>;

  static async open(lab: Lab): Promise<Stage> {
    const stage = new Stage(lab);
    for (const host of [source, target] as const) {
      const client = new LibvirtClient({
        socketPath: lab.libvirtSocket(host),
        uri: 'qemu:///system',
        reconnectMinMs: 20,
        reconnectMaxMs: 100,
      });
      await client.start();
      stage.#clients.set(host, client);
    }
    return stage;
  }

  private constructor(lab: Lab) {
    this.lab = lab;
    this.#watch = this.#look();
  }

  async close(): Promise<void> {
    this.#watching = false;
    await this.#watch;
    for (const client of this.#clients.values()) await client.close();
  }

  /** For how long, at most, both hosts have said that they run the guest. */
  get runningTwiceMs(): number {
    return this.#bothMs;
  }

  /** Agents agree on the move, and an operator approves it. Resolves when a migration is being prepared. */
  async begin(
    environment: Readonly<Partial<Record<HostId, Record<string, string>>>> = {},
  ): Promise<void> {
    await this.#reset();
    for (const host of [source, target] as const)
      await this.lab.startAgent(host, environment[host] ?? {});
    const waits = async () => {
      const moves = await this.lab.view(source, 'moves');
      return JSON.stringify(moves ?? {}).includes('approv');
    };
    await until('the agents to agree that vm1 moves', waits, agreedWithinMs, 200);
    const approved = await this.lab.barter(source, 'approve', guest);
    if (approved.code !== 0) throw new LabError(`barter approve: ${approved.stderr}`);
    await until(
      'the target to let vm1 in',
      () => this.moverOf(target) !== undefined,
      phaseWithinMs,
      5,
    );
  }

  /** The guest runs at the source and nowhere else, and the agents remember nothing. */
  async #reset(): Promise<void> {
    await this.lab.stopAgents();
    this.thawAll();
    await this.lab.setUplink(source, 'up');
    await this.lab.setUplink(target, 'up');
    for (const host of [source, target] as const) {
      await this.lab.startLibvirtd(host);
      for (const suffix of ['', '-wal', '-shm'])
        rmSync(this.lab.path(host, `/var/lib/barter/journal.sqlite${suffix}`), { force: true });
      for (const mover of this.#moversOf(host)) signal(mover, 'SIGKILL');
    }
    const there = await this.see(source);
    // After a long cut the guests' connections take minutes to come back; new ones do not.
    if (this.#wasCut) await this.lab.bootGuest('vm2', target);
    if (this.#wasCut || there !== 'running' || (await this.see(target)) !== 'absent') {
      await this.lab.bootGuest(guest, source);
      await this.lab.guestsConnected(180_000);
    }
    this.#wasCut = false;
    await this.#pinPartner();
    this.#bothMs = 0;
  }

  async #pinPartner(): Promise<void> {
    const domains = this.#client(target).domains;
    const domain = await domains.lookupByName('vm2');
    const element = writePolicy({ pin: [target] });
    const flags = impact.live | impact.config;
    await domains.setMetadata(domain, policyNamespace, policyPrefix, element, flags);
  }

  #client(host: HostId): LibvirtClient {
    const client = this.#clients.get(host);
    if (client === undefined) throw new LabError(`there is no client for ${host}`);
    return client;
  }

  async see(host: HostId): Promise<Seen> {
    const { domains } = this.#client(host);
    try {
      const domain = await domains.lookupByUuid(this.lab.guest(guest).uuid);
      const { state, reason } = await domains.state(domain);
      if (state === domainState.running || state === domainState.blocked) return 'running';
      if (state === domainState.shutoff) return 'shut off';
      return reason === pausedReason.migration ? 'left paused' : 'paused';
    } catch (error) {
      return isNotFound(error) ? 'absent' : 'unreachable';
    }
  }

  async sees(host: HostId, wanted: Seen, everyMs = 5): Promise<void> {
    const seen = async () => (await this.see(host)) === wanted;
    await until(`${guest} to be ${wanted} on ${host}`, seen, phaseWithinMs, everyMs);
  }

  /** Memory is on its way, and far from all of it. */
  async copying(): Promise<void> {
    const { domains } = this.#client(source);
    const isCopying = async () => {
      const domain = await domains.lookupByUuid(this.lab.guest(guest).uuid);
      const { parameters } = await domains
        .jobStatistics(domain)
        .catch(() => ({ parameters: new Map() }));
      return (numberOf(parameters, 'memory_processed') ?? 0) > 2e6;
    };
    await until('memory to be on its way', isCopying, phaseWithinMs, 20);
  }

  /**
   * Stops the target's libvirtd while memory is copied and waits until all of it is there: the source has paused
   * the guest and waits for the answer to its order to run it, which lies unread at the target.
   */
  async performDone(): Promise<void> {
    await this.copying();
    this.freeze('libvirtd', target);
    await this.memorySent();
  }

  /** The source has paused the guest, all of its memory is sent, and the order to run it is on its way. */
  async memorySent(): Promise<void> {
    await this.sees(source, 'left paused', 20);
    // The stream's end and the order follow within a moment.
    await pause(1_500);
  }

  /** SIGSTOP, until `thaw`. */
  freeze(what: 'libvirtd' | 'mover', host: HostId): void {
    const record = this.#processOf(what, host);
    signal(record, 'SIGSTOP');
    this.#frozen.set(`${what} ${host}`, record);
  }

  thaw(what: 'libvirtd' | 'mover', host: HostId): void {
    const key = `${what} ${host}`;
    const record = this.#frozen.get(key);
    this.#frozen.delete(key);
    if (isAlive(record)) signal(record, 'SIGCONT');
  }

  thawAll(): void {
    for (const record of this.#frozen.values()) if (isAlive(record)) signal(record, 'SIGCONT');
    this.#frozen.clear();
  }

  cutUplink(host: HostId): Promise<void> {
    this.#wasCut = true;
    return this.lab.setUplink(host, 'down');
  }

  killMover(host: HostId): void {
    signal(this.#processOf('mover', host), 'SIGKILL');
  }

  /** SIGKILL, and started again as systemd would, `afterMs` later. */
  async killLibvirtd(host: HostId, afterMs = 1_000): Promise<void> {
    this.#frozen.delete(`libvirtd ${host}`);
    await this.lab.killLibvirtd(host);
    await pause(afterMs);
    await this.lab.startLibvirtd(host);
  }

  #processOf(what: 'libvirtd' | 'mover', host: HostId): ProcessRecord {
    const record = what === 'libvirtd' ? this.lab.host(host).libvirtd : this.moverOf(host);
    if (!isAlive(record)) throw new LabError(`there is no ${what} on ${host}`);
    return record;
  }

  async moverEnded(host: HostId): Promise<void> {
    await until(
      `the mover on ${host} to end`,
      () => this.moverOf(host) === undefined,
      phaseWithinMs,
      5,
    );
  }

  moverOf(host: HostId): ProcessRecord | undefined {
    return this.#moversOf(host)[0];
  }

  #moversOf(host: HostId): readonly ProcessRecord[] {
    return this.lab.processesOf(host).filter(({ command }) => command.includes('/mover/main.ts'));
  }

  /** Looks at both hosts at once, all the time: a guest that runs on both is the one thing that must not be. */
  async #look(): Promise<void> {
    while (this.#watching) {
      await pause(100);
      if (this.#clients.size < 2) continue;
      const [one, other] = await Promise.all([this.see(source), this.see(target)]);
      const isTwice = one === 'running' && other === 'running';
      const now = performance.now();
      if (!isTwice) this.#bothSinceMs = undefined;
      else {
        this.#bothSinceMs ??= now;
        this.#bothMs = Math.max(this.#bothMs, now - this.#bothSinceMs + 1);
      }
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
