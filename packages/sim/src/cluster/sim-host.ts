/**
 * One simulated machine's agent: packages/core unchanged, its effects performed at once on simulated
 * ports. It knows what its own hypervisor, probe and journal tell it and what messages brought it.
 *
 * A crash takes the agent and nothing else: domains run on, migrations under way go on, and the
 * journal keeps what was appended.
 */

import {
  arrivalLease,
  createHost,
  type DomainId,
  type HostConfig,
  type HostEffect,
  type HostEvent,
  type HostId,
  type HostState,
  type Message,
  type MigrationOrder,
  type MigrationResult,
  type Mode,
  type Order,
  type SettlementId,
  step,
} from '@barter/core';
import { SimJournal } from '../adapter/journal.ts';
import type { SimNetwork, SimTransport } from '../adapter/network.ts';
import { SimClock } from '../clock.ts';
import type { SimRandom } from '../random.ts';
import type { World } from '../world/world.ts';
import { HostMeter } from './host-meter.ts';

/** An event without its time. */
export type Happening = HostEvent extends infer Event
  ? Event extends HostEvent
    ? Omit<Event, 'nowMs'>
    : never
  : never;

export type SimHostSurroundings = Readonly<{
  world: World;
  network: SimNetwork;
  random: SimRandom;
  sampleEveryMs: number;
  tickEveryMs: number;
  smoothingSeconds: number;
  mode: Mode;
  /** How long the next question to another agent and its answer take. */
  roundTripMs(): number;
  /** The agent of another host, for the migration path's question; undefined while it is down. */
  agentOf(host: HostId): SimHost | undefined;
  /** Every effect, just before it is performed; a host that crashes here does not perform it. */
  onEffect(host: SimHost, effect: HostEffect): void;
}>;

/** After so many samples without an event a host is sampled so many times more rarely; never beyond `staleMs`. */
const calmSamplesMin = 12;
const calmPace = 3;

export class SimHost {
  readonly id: HostId;
  readonly journal = new SimJournal();
  readonly clock = new SimClock();
  readonly #config: HostConfig;
  readonly #around: SimHostSurroundings;
  readonly #meter: HostMeter;
  #transport: SimTransport | undefined;
  #state: HostState | undefined;
  /** Counts the agent's lives: what was begun in an earlier one reports to nobody. */
  #life = 0;
  #sampling = false;
  #nextSampleAtMs = 0;
  /** Samples in a row between which nothing happened here. */
  #calmSamples = 0;

  constructor(config: HostConfig, around: SimHostSurroundings) {
    this.id = config.self;
    this.#config = config;
    this.#around = around;
    this.#meter = new HostMeter(around.world, this.id, around.smoothingSeconds);
  }

  /** What the agent knows; undefined while it is down. For reading only. */
  get state(): Readonly<HostState> | undefined {
    return this.#state;
  }

  /** Starts the agent from its journal. */
  start(): void {
    const { world, network, mode, random } = this.#around;
    this.#life++;
    const life = this.#life;
    this.clock.restart();
    this.#state = createHost(this.#config, this.journal.loadNow(), mode);
    this.#meter.start();
    const transport = network.join(this.id);
    this.#transport = transport;
    transport.onMessage((from, message) => this.#receive(from, message));
    this.take({ kind: 'restarted' });
    transport.onPeers((peers) => this.take({ kind: 'peersChanged', peers }));
    // Agents are not in step with each other.
    const { tickEveryMs, sampleEveryMs } = this.#around;
    this.#every(life, world.nowMs() + random.next() * tickEveryMs, tickEveryMs, () =>
      this.take({
        kind: 'ticked',
        random: [random.next(), random.next(), random.next(), random.next()],
      }),
    );
    this.#calmSamples = 0;
    this.#sampleAgain(life, world.nowMs() + random.next() * sampleEveryMs);
  }

  /** Ends the agent the way SIGKILL does. */
  crash(): void {
    this.#life++;
    this.#state = undefined;
    this.#transport = undefined;
    this.#meter.stop();
    this.#around.network.leave(this.id);
  }

  order(order: Order): void {
    this.take({ kind: 'ordered', order });
  }

  /** Lets the core take an event and performs what it asks for. Nothing happens while the agent is down. */
  take(happening: Happening): void {
    if (this.#state !== undefined)
      this.#step(this.#state, { ...happening, nowMs: this.#nowMs() } as HostEvent);
  }

  /** The same without a copy: nearly everything that happens is a message. */
  #receive(from: HostId, message: Message): void {
    if (this.#state !== undefined)
      this.#step(this.#state, { kind: 'messageReceived', nowMs: this.#nowMs(), from, message });
  }

  #nowMs(): number {
    this.clock.advanceTo(this.#around.world.nowMs());
    return this.clock.nowMs();
  }

  #step(before: HostState, event: HostEvent): void {
    const { state, effects } = step(before, event);
    this.#state = state;
    const life = this.#life;
    for (const effect of effects) {
      this.#around.onEffect(this, effect);
      if (life !== this.#life) return;
      if (!this.#perform(effect)) return;
    }
  }

  /** Samples from then on; a host on which nothing happens is looked at more rarely, and sees the same. */
  #sampleAgain(life: number, atMs: number): void {
    const { world, sampleEveryMs } = this.#around;
    this.#nextSampleAtMs = atMs;
    world.at(atMs, () => {
      // Put forward meanwhile, or the agent has another life.
      if (life !== this.#life || this.#nextSampleAtMs !== atMs) return;
      this.sample();
      this.#calmSamples += 1;
      const isCalm = this.#calmSamples > calmSamplesMin && this.#state?.sample?.trafficMeasured;
      this.#sampleAgain(life, atMs + sampleEveryMs * (isCalm ? calmPace : 1));
    });
  }

  /** Something is different here: looks as often as an agent does, for a while. */
  stir(): void {
    this.#calmSamples = 0;
    const { world, random, sampleEveryMs } = this.#around;
    if (this.#state === undefined || this.#nextSampleAtMs - world.nowMs() <= sampleEveryMs) return;
    this.#sampleAgain(this.#life, world.nowMs() + random.next() * sampleEveryMs);
  }

  /** The hypervisor reported something: look again soon, once however much it reports. */
  sampleSoon(): void {
    this.stir();
    if (this.#sampling || this.#state === undefined) return;
    this.#sampling = true;
    const life = this.#life;
    this.#around.world.at(this.#around.world.nowMs() + 50, () => {
      this.#sampling = false;
      if (life === this.#life) this.sample();
    });
  }

  sample(): void {
    const { world } = this.#around;
    if (!world.host(this.id).reachable) {
      this.take({ kind: 'sampleFailed', detail: 'libvirt does not answer' });
      return;
    }
    this.take({ kind: 'sampled', beganAtMs: this.#nowMs(), sample: this.#meter.measure() });
  }

  /** False ends the step: the journal failed, and the agent with it. */
  #perform(effect: HostEffect): boolean {
    const { world } = this.#around;
    switch (effect.kind) {
      case 'persist':
        try {
          this.journal.appendNow(effect.records);
          return true;
        } catch {
          this.crash();
          return false;
        }
      case 'send':
        this.#transport?.send(effect.to, effect.message);
        return true;
      case 'migrate':
        this.#migrate(effect.order);
        return true;
      case 'abortMigration':
        world.abortMigration(this.id, effect.domain);
        return true;
      case 'inspect':
        this.#inspect(effect.settlement, effect.domain);
        return true;
      case 'resume':
        world.at(world.nowMs() + 1, () => world.resume(this.id, effect.domain));
        return true;
      case 'discard':
        world.at(world.nowMs() + 1, () => world.discard(this.id, effect.domain));
        return true;
      case 'refuseArrival':
        this.#refuseArrival(effect.settlement, effect.domain);
        return true;
      case 'shutOut':
      case 'log':
        return true;
    }
  }

  /** Asks the target whether the domain may arrive, then migrates. */
  #migrate(order: MigrationOrder): void {
    const { world } = this.#around;
    const roundTripMs = this.#around.roundTripMs();
    const orderedAtMs = world.nowMs();
    const life = this.#life;
    const ended = (result: MigrationResult) => {
      const { settlement } = order;
      if (life === this.#life) this.take({ kind: 'migrationEnded', settlement, result });
    };
    const stayed = (code: string, detail: string) => ended({ outcome: 'stayed', code, detail });
    world.at(world.nowMs() + roundTripMs / 2, () => {
      const target = this.#around.agentOf(order.target);
      if (target === undefined || !this.#around.network.connected(this.id, order.target)) {
        world.at(world.nowMs() + roundTripMs / 2, () => {
          stayed('unreachable', 'the target does not answer');
        });
        return;
      }
      const mayArrive = target.admit(this.id, order.settlement, order.domain);
      world.at(world.nowMs() + roundTripMs / 2, () => {
        // An agent that died before it called the hypervisor has begun nothing.
        if (life !== this.#life) return;
        if (!mayArrive) {
          stayed('no-lease', 'the target holds no room for it');
          return;
        }
        const { settlement, domain, target: to, leaseMs } = order;
        if (world.nowMs() - orderedAtMs >= leaseMs) {
          stayed('late', 'the lease of the room ended before the migration could begin');
          return;
        }
        const request = { settlement, domain, source: this.id, target: to, leaseMs };
        // The end is seen a moment after it happened, like every event of a hypervisor.
        world.migrate(request, (result) => world.at(world.nowMs() + 1, () => ended(result)));
      });
    });
  }

  /** The target's half of the migration path. */
  admit(from: HostId, settlement: SettlementId, domain: DomainId): boolean {
    this.take({ kind: 'arrivalRequested', from, settlement, domain });
    if (this.#state === undefined) return false;
    const lease = arrivalLease(this.#state, from, settlement, domain, this.clock.nowMs());
    return lease !== undefined;
  }

  #inspect(settlement: SettlementId, domain: DomainId): void {
    const { world } = this.#around;
    const life = this.#life;
    world.at(world.nowMs() + 1, () => {
      if (life !== this.#life || !world.host(this.id).reachable) return;
      const presence = world.presence(this.id, domain);
      this.take({ kind: 'inspected', settlement, domain, presence });
    });
  }

  #refuseArrival(settlement: SettlementId, domain: DomainId): void {
    const { world } = this.#around;
    const life = this.#life;
    world.at(world.nowMs() + 1, () => {
      if (!world.host(this.id).reachable) return;
      const outcome = world.refuseArrival(this.id, settlement, domain);
      if (life === this.#life) this.take({ kind: 'arrivalRefused', settlement, domain, outcome });
    });
  }

  #every(life: number, atMs: number, everyMs: number, action: () => void): void {
    this.#around.world.at(atMs, () => {
      if (life !== this.#life) return;
      action();
      this.#every(life, atMs + everyMs, everyMs, action);
    });
  }
}
