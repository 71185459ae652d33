/**
 * A libvirt that is always there: one connection that is opened again whenever it ends, with the
 * events registered again, and further connections for calls that last.
 *
 *   unreachable ── opened, events registered ──▶ reachable ── connection ended ──▶ unreachable
 *
 * The rule: nothing is repeated on the caller's behalf. A call made or under way while libvirtd is
 * away rejects at once with `closed`; whether to ask again is for the caller to know.
 */

import {
  type Caller,
  type CallOptions,
  type ConnectionSettings,
  LibvirtConnection,
} from './connection.ts';
import { DomainApi } from './domain.ts';
import { LibvirtError } from './error.ts';
import type { DomainEvent, DomainEventKind } from './event.ts';
import { HostApi } from './host.ts';
import type { Procedure } from './procedure.ts';

export type ClientSettings = Pick<ConnectionSettings, 'socketPath'> &
  Partial<ConnectionSettings> &
  Readonly<{
    /** Event kinds to register; those that the driver does not know are left out. */
    events?: readonly DomainEventKind[];
    /** Wait before the first attempt to reconnect; doubles up to `reconnectMaxMs`. */
    reconnectMinMs?: number;
    reconnectMaxMs?: number;
  }>;

export type Reachability = Readonly<
  { reachable: true } | { reachable: false; reason: LibvirtError }
>;

export class LibvirtClient implements Caller {
  readonly domains: DomainApi;
  readonly host: HostApi;
  readonly #settings: ClientSettings;
  readonly #eventListeners = new Set<(event: DomainEvent) => void>();
  readonly #reachabilityListeners = new Set<(state: Reachability) => void>();
  readonly #dedicated = new Set<LibvirtConnection>();
  #connection: LibvirtConnection | undefined;
  #reason = new LibvirtError('closed', 'connection', 'not connected to libvirtd yet');
  #announced: boolean | undefined;
  #closing = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> | undefined;

  /** Starts connecting; libvirtd need not be there. Listeners added before `start` miss nothing. */
  constructor(settings: ClientSettings) {
    this.#settings = settings;
    this.domains = new DomainApi(this);
    this.host = new HostApi(this);
  }

  /** Connects and goes on reconnecting until `close`. Resolves after the first attempt, whatever came of it. */
  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#loop ??= this.#run(resolve);
    await promise;
  }

  get isReachable(): boolean {
    return this.#connection?.isOpen ?? false;
  }

  async call<Arguments, Reply>(
    procedure: Procedure<Arguments, Reply>,
    args: Arguments,
    options?: CallOptions,
  ): Promise<Reply> {
    const connection = this.#connection;
    if (connection === undefined) {
      throw new LibvirtError('closed', procedure.name, this.#reason.message);
    }
    return connection.call(procedure, args, options);
  }

  onEvent(listener: (event: DomainEvent) => void): void {
    this.#eventListeners.add(listener);
  }

  onReachable(listener: (state: Reachability) => void): void {
    this.#reachabilityListeners.add(listener);
  }

  /**
   * Gives the work a connection of its own and closes it afterwards: for calls that last, which would
   * take the places of short ones. Rejects when libvirtd is not reachable, or as the work does.
   */
  async dedicated<Value>(work: (domains: DomainApi) => Promise<Value>): Promise<Value> {
    const connection = await LibvirtConnection.open(this.#settings);
    this.#dedicated.add(connection);
    try {
      return await work(new DomainApi(connection));
    } finally {
      this.#dedicated.delete(connection);
      await connection.close();
    }
  }

  /** Closes every connection. What libvirtd was asked to do it may go on doing; its answers reject as `closed`. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    await Promise.all([...this.#dedicated].map((connection) => connection.close()));
    await this.#connection?.close();
    await this.#loop;
  }

  async #run(tried: () => void): Promise<void> {
    const { reconnectMinMs = 250, reconnectMaxMs = 10_000 } = this.#settings;
    let waitMs = reconnectMinMs;
    while (!this.#closing) {
      try {
        const connection = await this.#connect();
        waitMs = reconnectMinMs;
        tried();
        this.#reason = await connection.closed;
      } catch (error) {
        this.#reason = asLibvirtError(error);
      }
      this.#connection = undefined;
      if (!this.#closing) this.#announce({ reachable: false, reason: this.#reason });
      tried();
      if (!this.#closing) await this.#pause(waitMs);
      waitMs = Math.min(waitMs * 2, reconnectMaxMs);
    }
  }

  async #connect(): Promise<LibvirtConnection> {
    const connection = await LibvirtConnection.open(this.#settings);
    connection.onEvent((event) => {
      for (const listener of this.#eventListeners) listener(event);
    });
    try {
      for (const kind of this.#settings.events ?? []) {
        await connection.registerEvents([kind]).catch((error: unknown) => {
          // A driver without this event is served without it; anything else ends the attempt.
          if (!(error instanceof LibvirtError) || error.kind !== 'refused') throw error;
        });
      }
    } catch (error) {
      await connection.close();
      throw error;
    }
    if (this.#closing) await connection.close();
    else {
      this.#connection = connection;
      this.#announce({ reachable: true });
    }
    return connection;
  }

  /** Changes only: a failed attempt to reconnect is no news. */
  #announce(state: Reachability): void {
    if (this.#announced === state.reachable) return;
    this.#announced = state.reachable;
    for (const listener of this.#reachabilityListeners) listener(state);
  }

  async #pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

function asLibvirtError(error: unknown): LibvirtError {
  if (error instanceof LibvirtError) return error;
  return new LibvirtError('closed', 'connection', String(error));
}
