/**
 * A few hosts of the core that talk to each other at once and lose nothing, unless a test says so. Time stands
 * still until a test moves it.
 */

import type { HostConfig } from '../../src/config.ts';
import { createHost, type HostEvent, step } from '../../src/host.ts';
import type { Message } from '../../src/message.ts';
import type { DomainId, DomainSample, HostId, HostSample } from '../../src/model/model.ts';
import { preset } from '../../src/preset.ts';
import type { HostState } from '../../src/state.ts';
import { capacity, domainId, GIB, hostId } from './world.ts';

export type Sent = Readonly<{ from: HostId; to: HostId; message: Message }>;

type Without<Event> = Event extends HostEvent ? Omit<Event, 'nowMs'> : never;

const timing: HostConfig['timing'] = {
  summaryEveryMs: 5_000,
  tradeEveryMs: 2_500,
  staleMs: 30_000,
  proposalMs: 5_000,
  inDoubtMs: 60_000,
  committedMs: 120_000,
  claimLeaseMs: 120_000,
  settleAfterMs: 60_000,
  settleLeaseMs: 30_000,
  cooldownMs: 1_800_000,
  steadyMs: 0,
  backoffMs: 10_000,
  backoffMaxMs: 300_000,
  resendMs: 1_000,
  rowTrustMs: 120_000,
  historyMs: 600_000,
  refreshMs: 60_000,
};

/** One event does not set off more messages than this: hosts that answer each other for ever are a fault. */
const answersMax = 500;

export class Hosts {
  readonly states = new Map<HostId, HostState>();
  /** Everything that was sent, lost or not. */
  readonly sent: Sent[] = [];
  /** What does not arrive. */
  lose: (sent: Sent) => boolean = () => false;
  nowMs = 1_000_000;
  readonly #samples = new Map<HostId, HostSample>();
  readonly #down = new Set<HostId>();

  constructor(...names: readonly string[]) {
    for (const name of names) this.#create(hostId(name));
    this.meet();
  }

  state(name: string): HostState {
    const state = this.states.get(hostId(name));
    if (state === undefined) throw new Error(`no host ${name} in this test`);
    return state;
  }

  /** A host joins the roster. */
  join(name: string): void {
    this.#create(hostId(name));
    this.meet();
  }

  /** Everybody hears who is a member, and who of them is connected. */
  meet(): void {
    for (const name of this.states.keys()) {
      const peers = [...this.states.keys()]
        .filter((host) => host !== name)
        .map((host) => ({ host, connected: !this.#down.has(host) && !this.#down.has(name) }));
      this.take(name, { kind: 'peersChanged', peers });
    }
  }

  /** The agent of this host is gone, its membership is not. */
  crash(name: string): void {
    this.#down.add(hostId(name));
    this.meet();
  }

  /** The agent starts again and remembers nothing. */
  restart(name: string): void {
    this.#down.delete(hostId(name));
    this.#create(hostId(name));
    this.meet();
  }

  /** Measures a host: these domains run there, and talk to these addresses at 1 Mbit/s. */
  sample(name: string, domains: Readonly<Record<string, readonly string[]>>): void {
    const samples = Object.entries(domains).map(
      ([id, partners]): DomainSample => ({
        domain: domainId(id),
        traits: {
          name: `name of ${id}`,
          memoryBytes: GIB,
          vcpus: 1,
          cpu: 0.1,
          dirtyBytesPerSecond: 0,
          policy: {},
        },
        addresses: [addressOf(id)],
        state: 'running',
        rates: partners.map((partner) => ({ address: addressOf(partner), bitsPerSecond: 1e6 })),
      }),
    );
    const sample: HostSample = {
      capacity: capacity(),
      hostCpu: 0,
      hostMemoryBytes: 0,
      domains: samples,
      trafficMeasured: true,
      migrationWindowOpen: true,
    };
    this.#samples.set(hostId(name), sample);
    this.take(hostId(name), { kind: 'sampled', beganAtMs: this.nowMs, sample });
  }

  /** Lets time pass, with a tick of every host each half second, and the last measurement again every five. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs += 500;
      for (const name of [...this.states.keys()]) {
        const sample = this.#samples.get(name);
        if (sample !== undefined && this.nowMs % 5_000 === 0)
          this.take(name, { kind: 'sampled', beganAtMs: this.nowMs, sample });
        this.take(name, { kind: 'ticked', random: [0.5, 0.5, 0.5, 0.5] });
      }
    }
  }

  /** Hands an event to a host, and every message that follows to whom it is for. */
  take(name: HostId, event: Without<HostEvent>): void {
    const waiting: Sent[] = this.#step(name, event);
    const limit = this.sent.length + answersMax;
    for (let sent = waiting.shift(); sent !== undefined; sent = waiting.shift()) {
      this.sent.push(sent);
      if (this.sent.length > limit) throw new Error(`endless talk: ${JSON.stringify(sent)}`);
      if (this.#down.has(sent.from) || this.#down.has(sent.to) || this.lose(sent)) continue;
      const { from, message } = sent;
      waiting.push(...this.#step(sent.to, { kind: 'messageReceived', from, message }));
    }
  }

  /** Who holds a domain's claim, as this host knows it. */
  holder(name: string, domain: string): string | undefined {
    return this.state(name).directory.find(domainId(domain))?.holder;
  }

  /** Of what was sent since the last call, the messages of one kind as `from>to`. */
  takeSent(kind: Message['kind']): readonly string[] {
    const all = this.sent.splice(0);
    return all
      .filter(({ message }) => message.kind === kind)
      .map(({ from, to }) => `${from}>${to}`);
  }

  #create(name: HostId): void {
    this.states.set(name, createHost(hostConfig(name), [], 'observe'));
    this.#samples.delete(name);
  }

  #step(name: HostId, event: Without<HostEvent>): Sent[] {
    const state = this.states.get(name);
    if (state === undefined || this.#down.has(name)) return [];
    const { effects } = step(state, { ...event, nowMs: this.nowMs } as HostEvent);
    return effects.flatMap((effect) =>
      effect.kind === 'send' ? [{ from: name, to: effect.to, message: effect.message }] : [],
    );
  }
}

/** A host as tests have them: each in a rack of its own, but those whose names have the same part before a dot. */
export function hostConfig(name: string): HostConfig {
  const { cost, search, minGainBitsPerSecond } = preset('default');
  return {
    self: hostId(name),
    name: `name of ${name}`,
    location: ['pod0', `rack-of-${name.split('.')[0]}`],
    cost,
    search,
    minGainBitsPerSecond,
    migrationsAtOnce: 1,
    bookOffers: 200,
    bookPartners: 32,
    migration: { bandwidthBytesPerSecond: null, downtimeMs: 300 },
    timing,
  };
}

export function addressOf(domain: string): string {
  return `52:54:00:00:00:${domain.padStart(2, '0').slice(-2)}`;
}

export function entryOf(state: HostState, domain: string) {
  const entry = state.homes.get(domainId(domain) as DomainId);
  if (entry === undefined) throw new Error(`${domain} is not at home here`);
  return entry;
}
