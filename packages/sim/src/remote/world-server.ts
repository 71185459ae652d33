/**
 * Owns a simulated world in real time (or faster) and lets agent processes live in it, each over the
 * Unix socket of its own host. An agent sees through it what a hypervisor and a traffic probe on that
 * host would show, and nothing else.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { DomainId, HostId, MigrationOrder, SettlementId } from '@barter/core';
import { SimHypervisor } from '../adapter/hypervisor.ts';
import { SimTrafficProbe } from '../adapter/traffic-probe.ts';
import type { World } from '../world/world.ts';
import { readLines, writeLine } from './lines.ts';
import { requestSchema, type WorldCall, type WorldLine } from './world-protocol.ts';

export type WorldServerOptions = Readonly<{
  /** Where the hosts' sockets are made; a short path, since a socket's may have 107 bytes at most. */
  directory: string;
  /** Simulated seconds per second. */
  speed?: number;
}>;

/** Calls that one agent may have under way. */
const callsMax = 256;
const connectionsMax = 16;
/** The world is looked after at least this often, so that views of it stay fresh. */
const tickMs = 100;

export class WorldServer {
  readonly world: World;
  readonly #directory: string;
  readonly #speed: number;
  readonly #startedAtMs = performance.now();
  readonly #worldStartMs: number;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  /** Which host of the world an agent runs on, by its peer id. */
  readonly #hostByPeer = new Map<string, HostId>();
  #timer: NodeJS.Timeout | undefined;

  constructor(world: World, options: WorldServerOptions) {
    this.world = world;
    this.#directory = options.directory;
    this.#speed = options.speed ?? 1;
    this.#worldStartMs = world.nowMs();
  }

  socketOf(host: string): string {
    return join(this.#directory, `world-${this.world.host(host).index}.sock`);
  }

  /** Resolves when every host's socket takes connections. */
  async listen(): Promise<void> {
    for (const host of this.world.hosts) {
      const server = createServer((socket) => this.#serve(socket, host.id));
      server.maxConnections = connectionsMax;
      this.#servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(this.socketOf(host.id), resolve);
      });
    }
    this.#tick();
  }

  /** Says ahead which host an agent's peer id belongs to; agents also say it themselves. */
  assign(peer: string, host: string): void {
    this.#hostByPeer.set(peer, this.world.host(host).id);
  }

  hostOf(peer: string): HostId | undefined {
    return this.#hostByPeer.get(peer);
  }

  /** Brings the world up to now. */
  catchUp(): void {
    const elapsedMs = (performance.now() - this.#startedAtMs) * this.#speed;
    this.world.advanceTo(this.#worldStartMs + elapsedMs);
  }

  /** Disconnects every agent; their hosts' sockets go away. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  #tick(): void {
    this.catchUp();
    const nextAtMs = this.world.nextAtMs() ?? Infinity;
    const delayMs = Math.min(tickMs, (nextAtMs - this.world.nowMs()) / this.#speed);
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, delayMs));
  }

  #serve(socket: Socket, host: HostId): void {
    this.#sockets.add(socket);
    // An agent that is killed or misbehaves loses its connection, and that is all that happens here.
    socket.on('error', () => {});
    const hypervisor = new SimHypervisor(this.world, host, {
      hostOf: (peer) => this.#hostByPeer.get(peer),
      progressEveryMs: 250,
    });
    const seat: Seat = {
      host,
      hypervisor,
      probe: undefined,
      send: (line) => writeLine(socket, line),
    };
    socket.on('close', () => {
      this.#sockets.delete(socket);
      void hypervisor.close();
    });
    let calls = 0;
    readLines(socket, (value) => {
      const request = requestSchema.safeParse(value);
      if (!request.success || calls >= callsMax) {
        socket.destroy();
        return;
      }
      const { id, body } = request.data;
      calls++;
      this.catchUp();
      this.#answer(seat, body)
        .then(
          (answer) => seat.send({ id, value: answer }),
          (error: Error) => seat.send({ id, error: error.message }),
        )
        .finally(() => calls--);
    });
  }

  async #answer(seat: Seat, call: WorldCall): Promise<unknown> {
    switch (call.call) {
      case 'hello':
        this.#hostByPeer.set(call.peer, seat.host);
        seat.probe = new SimTrafficProbe(this.world, seat.host, call.smoothingSeconds);
        await seat.probe.start();
        seat.hypervisor.onEvent((event) => seat.send({ event }));
        return null;
      case 'sample':
        return await seat.hypervisor.sample();
      case 'read':
        if (seat.probe === undefined) throw new Error('Say hello first.');
        return await seat.probe.read(new Set(call.local));
      case 'inspect':
        return await seat.hypervisor.inspect(call.domain as DomainId);
      case 'abort':
        await seat.hypervisor.abortMigration(call.domain as DomainId);
        return null;
      case 'resume':
        await seat.hypervisor.resume(call.domain as DomainId);
        return null;
      case 'discard':
        await seat.hypervisor.discard(call.domain as DomainId);
        return null;
      case 'refuse':
        return await seat.hypervisor.refuseArrival(
          call.settlement as SettlementId,
          call.domain as DomainId,
        );
      case 'migrate':
        return await seat.hypervisor.migrate(call.order as MigrationOrder, (progress) =>
          seat.send({ progress }),
        );
    }
  }
}

/** One agent's connection. */
type Seat = {
  readonly host: HostId;
  readonly hypervisor: SimHypervisor;
  probe: SimTrafficProbe | undefined;
  readonly send: (line: WorldLine) => void;
};
