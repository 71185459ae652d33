/**
 * Starts agents and libvirtds again when they have ended, as systemd does on a real host (2 s after an agent's end, see
 * deploy/barter.service), unless a fault keeps them down; and keeps what they said when they ended by themselves.
 */

import { existsSync, readFileSync } from 'node:fs';
import type { Lab } from '../lab.ts';
import { isAlive } from '../process.ts';

export type Service = 'agent' | 'libvirtd';

/** A service that ended without having been killed, or did not start. */
export type Ending = Readonly<{ atMs: number; host: string; service: Service; words: string }>;

const lookEveryMs = 250;
const restartAfterMs: Readonly<Record<Service, number>> = { agent: 2_000, libvirtd: 500 };

export class Supervisor {
  readonly endings: Ending[] = [];
  readonly #lab: Lab;
  /** How many faults keep it down. */
  readonly #held = new Map<string, number>();
  readonly #startable = new Map<string, number>();
  readonly #starting = new Map<string, Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  /** Kills a service with SIGKILL. It stays down until `release`. */
  async kill(host: string, service: Service): Promise<void> {
    const key = `${host} ${service}`;
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    if (service === 'agent') await this.#lab.killAgent(host);
    else await this.#lab.killLibvirtd(host);
  }

  /** Lets a killed service be started again, and at once. */
  release(host: string, service: Service): void {
    const key = `${host} ${service}`;
    const left = (this.#held.get(key) ?? 1) - 1;
    if (left > 0) this.#held.set(key, left);
    else this.#held.delete(key);
    this.#startable.set(key, 0);
  }

  /** Whether everything runs that should. */
  get allUp(): boolean {
    const hosts = this.#lab.state.hosts;
    const up = hosts.every(({ agent, libvirtd }) => isAlive(agent) && isAlive(libvirtd));
    return up && this.#starting.size === 0 && this.#held.size === 0;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#starting.values());
  }

  #look(): void {
    for (const host of this.#lab.state.hosts) {
      for (const service of ['libvirtd', 'agent'] as const) {
        const key = `${host.id} ${service}`;
        if (isAlive(host[service]) || this.#held.has(key) || this.#starting.has(key)) continue;
        const startable = this.#startable.get(key);
        if (startable === undefined) {
          // Nobody killed it: that would have made it startable, or held it.
          this.#note(host.id, service, this.#lastWords(host.id, service));
          this.#startable.set(key, performance.now() + restartAfterMs[service]);
        } else if (performance.now() >= startable) {
          this.#starting.set(key, this.#start(host.id, service, key));
        }
      }
    }
  }

  async #start(host: string, service: Service, key: string): Promise<void> {
    try {
      if (service === 'agent') await this.#lab.startAgent(host);
      else await this.#lab.startLibvirtd(host);
    } catch {
      const words = `did not start: ${this.#lastWords(host, service)}`;
      if (!this.#held.has(key)) this.#note(host, service, words);
    }
    this.#starting.delete(key);
    const up = isAlive(this.#lab.host(host)[service]);
    if (up || this.#held.has(key)) this.#startable.delete(key);
    else this.#startable.set(key, performance.now() + restartAfterMs[service]);
  }

  #note(host: string, service: Service, words: string): void {
    this.endings.push({ atMs: Date.now(), host, service, words });
  }

  /** An agent's log is JSON; what it says to whoever started it is not. */
  #lastWords(host: string, service: Service): string {
    const agent = service === 'agent';
    const file = agent ? this.#lab.agentLog(host) : this.#lab.path(host, '/var/log/libvirtd.out');
    if (!existsSync(file)) return '(it said nothing)';
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    return (lines.slice(-6).findLast((line) => !line.startsWith('{')) ?? lines.at(-1) ?? '').slice(
      -600,
    );
  }
}
