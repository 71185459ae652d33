/**
 * Runs a host: feeds events to the reducer one after the other and performs the effects through the
 * ports, in order, waiting for every `persist` before the next effect.
 *
 * When the journal fails, nothing that follows the failed `persist` is performed and no further event is
 * taken: what is in memory is ahead of the disk, and only a restart from the journal is safe.
 */

import { type HostEvent, step } from './host.ts';
import type { Clock, Hypervisor, Journal, Log, Random, Transport } from './ports.ts';
import type { HostEffect, HostState } from './state.ts';

export type RunnerPorts = Readonly<{
  clock: Clock;
  random: Random;
  transport: Transport;
  journal: Journal;
  hypervisor: Hypervisor;
  log: Log;
}>;

/** An event without its time: the runner asks the clock. */
export type Happening = HostEvent extends infer Event
  ? Event extends HostEvent
    ? Omit<Event, 'nowMs'>
    : never
  : never;

export class Runner {
  readonly #ports: RunnerPorts;
  readonly #onFailure: (error: unknown) => void;
  #state: HostState;
  #queue: Promise<void> = Promise.resolve();
  #failed = false;

  /** `onFailure` is called once, when the journal fails: end the process. */
  constructor(ports: RunnerPorts, state: HostState, onFailure: (error: unknown) => void) {
    this.#ports = ports;
    this.#state = state;
    this.#onFailure = onFailure;
  }

  /** For reading only: what the agent knows now, possibly a moment ahead of the journal. */
  get state(): Readonly<HostState> {
    return this.#state;
  }

  /** Takes an event in; resolves when all its effects have been begun and its records are durable. */
  handle(happening: Happening): Promise<void> {
    const handled = this.#queue.then(() => this.#take(happening));
    this.#queue = handled.catch((error: unknown) => this.#fail(error));
    return this.#queue;
  }

  /** A tick with fresh random numbers. */
  tick(): Promise<void> {
    const { random } = this.#ports;
    const numbers = [random.next(), random.next(), random.next(), random.next()] as const;
    return this.handle({ kind: 'ticked', random: numbers });
  }

  async #take(happening: Happening): Promise<void> {
    if (this.#failed) return;
    const nowMs = this.#ports.clock.nowMs();
    const { state, effects } = step(this.#state, { ...happening, nowMs } as HostEvent);
    this.#state = state;
    for (const effect of effects) await this.#perform(effect);
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onFailure(error);
  }

  async #perform(effect: HostEffect): Promise<void> {
    const { transport, journal, hypervisor, log } = this.#ports;
    switch (effect.kind) {
      case 'persist':
        await journal.append(effect.records);
        return;
      case 'send':
        transport.send(effect.to, effect.message);
        return;
      case 'migrate':
        this.#migrate(effect);
        return;
      case 'abortMigration':
        hypervisor
          .abortMigration(effect.domain)
          .catch((error: unknown) =>
            log.log('warn', 'abort-failed', `A migration could not be aborted: ${String(error)}.`),
          );
        return;
      case 'inspect':
        this.#inspect(effect);
        return;
      case 'resume':
        hypervisor
          .resume(effect.domain)
          .catch((error: unknown) =>
            log.log('warn', 'resume-failed', `A domain could not be resumed: ${String(error)}.`),
          );
        return;
      case 'discard':
        hypervisor
          .discard(effect.domain)
          .catch((error: unknown) =>
            log.log('warn', 'discard-failed', `A copy could not be ended: ${String(error)}.`),
          );
        return;
      case 'refuseArrival':
        this.#refuseArrival(effect);
        return;
      case 'shutOut':
        transport.shutOut(effect.peer, effect.forMs, effect.why);
        return;
      case 'log':
        log.log(effect.level, effect.code, effect.message, effect.fields);
        return;
    }
  }

  /** Runs on beside the queue: a migration takes as long as it takes. */
  #migrate({ order }: HostEffect & { kind: 'migrate' }): void {
    const { settlement } = order;
    this.#ports.hypervisor
      .migrate(order, (progress) => void this.handle({ kind: 'migrationProgressed', progress }))
      .catch((error: unknown) => ({ outcome: 'unknown' as const, detail: String(error) }))
      .then((result) => this.handle({ kind: 'migrationEnded', settlement, result }));
  }

  #inspect({ settlement, domain }: HostEffect & { kind: 'inspect' }): void {
    this.#ports.hypervisor.inspect(domain).then(
      (presence) => this.handle({ kind: 'inspected', settlement, domain, presence }),
      // Not answered is not an answer: the next tick asks again.
      () => undefined,
    );
  }

  #refuseArrival({ settlement, domain }: HostEffect & { kind: 'refuseArrival' }): void {
    this.#ports.hypervisor.refuseArrival(settlement, domain).then(
      (outcome) => this.handle({ kind: 'arrivalRefused', settlement, domain, outcome }),
      // Not refused: it is asked for again, and its home hears meanwhile what there is.
      () => this.#inspect({ kind: 'inspect', settlement, domain }),
    );
  }
}
