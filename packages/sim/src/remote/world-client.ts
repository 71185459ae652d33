/**
 * The `Hypervisor` and `TrafficProbe` ports of a real agent process that lives in a simulated world
 * owned by another process (`world-server.ts`). When that process is gone, so is the host: `onClosed`
 * is called once and every call fails.
 */

import { createConnection, type Socket } from 'node:net';
import type {
  DomainId,
  DomainPresence,
  HostId,
  Hypervisor,
  HypervisorEvent,
  HypervisorSample,
  MigrationOrder,
  MigrationProgress,
  MigrationResult,
  RefusalOutcome,
  SettlementId,
  TrafficProbe,
  TrafficReading,
} from '@barter/core';
import { readLines, writeLine } from './lines.ts';
import type { WorldAnswers, WorldCall, WorldLine } from './world-protocol.ts';

export type WorldClientOptions = Readonly<{
  /** The Unix socket of this agent's host. */
  socket: string;
  /** This agent's peer id: other agents' migration orders name their target by it. */
  self: HostId;
  smoothingSeconds: number;
  /** The world is gone: the host has lost its power, so the agent should end. */
  onClosed?: () => void;
}>;

/** Migrations take their time; everything else is answered within this. */
const answerWithinMs = 10_000;

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void };

/** Connects to the world; rejects when nobody listens there. */
export async function connectWorld(
  options: WorldClientOptions,
): Promise<Readonly<{ hypervisor: Hypervisor; probe: TrafficProbe }>> {
  const socket = createConnection(options.socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', () =>
      reject(new Error(`No simulated world answers at ${options.socket}; start the demo again.`)),
    );
  });
  const line = new WorldLink(socket, options.onClosed ?? (() => {}));
  await line.call({
    call: 'hello',
    peer: options.self,
    smoothingSeconds: options.smoothingSeconds,
  });
  return { hypervisor: new RemoteHypervisor(line), probe: new RemoteProbe(line) };
}

/** Requests and their answers, and what the world says unasked. */
class WorldLink {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly events: ((event: HypervisorEvent) => void)[] = [];
  readonly progress = new Map<SettlementId, (progress: MigrationProgress) => void>();
  #nextId = 0;
  #closing = false;

  constructor(socket: Socket, onClosed: () => void) {
    this.#socket = socket;
    socket.removeAllListeners('error');
    // What went wrong does not matter: `close` follows, and the world is gone.
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const waiting of this.#waiting.values()) {
        waiting.reject(new Error('The simulated world is gone.'));
      }
      this.#waiting.clear();
      for (const listener of this.events) listener({ kind: 'reachable', reachable: false });
      if (!this.#closing) onClosed();
    });
    readLines(socket, (value) => this.#received(value as WorldLine));
  }

  call<Name extends keyof WorldAnswers>(
    body: WorldCall & { call: Name },
    withinMs: number | undefined = answerWithinMs,
  ): Promise<WorldAnswers[Name]> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('The simulated world is gone.'));
        return;
      }
      const id = this.#nextId++;
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(id);
      };
      const timer =
        withinMs === Infinity
          ? undefined
          : setTimeout(() => {
              end();
              reject(new Error(`The simulated world did not answer "${body.call}" in time.`));
            }, withinMs);
      this.#waiting.set(id, {
        resolve: (value) => {
          end();
          resolve(value as WorldAnswers[Name]);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      });
      writeLine(this.#socket, { id, body });
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  #received(line: WorldLine): void {
    if ('event' in line) {
      for (const listener of this.events) listener(line.event);
    } else if ('progress' in line) {
      this.progress.get(line.progress.settlement)?.(line.progress);
    } else if ('error' in line) {
      this.#waiting.get(line.id)?.reject(new Error(line.error));
    } else {
      this.#waiting.get(line.id)?.resolve(line.value);
    }
  }
}

class RemoteHypervisor implements Hypervisor {
  readonly #link: WorldLink;

  constructor(link: WorldLink) {
    this.#link = link;
  }

  sample(): Promise<HypervisorSample> {
    return this.#link.call({ call: 'sample' });
  }

  onEvent(listener: (event: HypervisorEvent) => void): void {
    this.#link.events.push(listener);
  }

  async migrate(
    order: MigrationOrder,
    onProgress: (progress: MigrationProgress) => void,
  ): Promise<MigrationResult> {
    this.#link.progress.set(order.settlement, onProgress);
    try {
      return await this.#link.call({ call: 'migrate', order }, Infinity);
    } catch (error) {
      return { outcome: 'unknown', detail: (error as Error).message };
    } finally {
      this.#link.progress.delete(order.settlement);
    }
  }

  async abortMigration(domain: DomainId): Promise<void> {
    await this.#link.call({ call: 'abort', domain });
  }

  inspect(domain: DomainId): Promise<DomainPresence> {
    return this.#link.call({ call: 'inspect', domain });
  }

  async resume(domain: DomainId): Promise<void> {
    await this.#link.call({ call: 'resume', domain });
  }

  async discard(domain: DomainId): Promise<void> {
    await this.#link.call({ call: 'discard', domain });
  }

  refuseArrival(settlement: SettlementId, domain: DomainId): Promise<RefusalOutcome> {
    return this.#link.call({ call: 'refuse', settlement, domain });
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

class RemoteProbe implements TrafficProbe {
  readonly #link: WorldLink;

  constructor(link: WorldLink) {
    this.#link = link;
  }

  // The world counts from `hello` on, whether or not anybody reads.
  async start(): Promise<void> {}

  read(local: ReadonlySet<string>): Promise<TrafficReading> {
    return this.#link.call({ call: 'read', local: [...local] });
  }

  async close(): Promise<void> {}

  async remove(): Promise<void> {}
}
