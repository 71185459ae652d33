/**
 * One connection to a libvirtd: frames, calls, events and keepalive.
 *
 *   connecting ── authenticated, opened ──▶ open ── close, end, silence, broken frame ──▶ closed
 *
 * The rules: a call ends once, in an answer, an error of its own or a timeout; what is pending when
 * the connection ends is rejected at once; nothing that libvirtd sends can throw out of here.
 *
 * libvirtd serves five requests of a client at once and stops reading from it while five are under
 * way, which also stops it from answering pings. So at most `callsAtOnce` are sent, the others wait
 * here, and a silence always means a libvirtd that hangs.
 */

import { connect, type Socket } from 'node:net';
import { CallTable } from './call-table.ts';
import { authentication, keepaliveFeature } from './constants.ts';
import { LibvirtError } from './error.ts';
import { type DomainEvent, type DomainEventKind, eventShapes } from './event.ts';
import { encodeFrame, type Frame, FrameReader, messageStatus, messageType } from './frame.ts';
import { connectionProcedures } from './host-procedures.ts';
import { Keepalive, type KeepaliveSettings } from './keepalive.ts';
import {
  keepaliveProcedure,
  keepaliveProgram,
  type Procedure,
  protocolVersion,
  remoteProgram,
} from './procedure.ts';
import { XdrReader } from './xdr.ts';

export type CallOptions = Readonly<{ timeoutMs?: number }>;

/** Whatever calls can be made on: a connection, or the client that reconnects. Rejects with `LibvirtError`. */
export interface Caller {
  call<Arguments, Reply>(
    procedure: Procedure<Arguments, Reply>,
    args: Arguments,
    options?: CallOptions,
  ): Promise<Reply>;
}

export type ConnectionSettings = Readonly<{
  /** The Unix socket of libvirtd or of a modular daemon (virtqemud-sock). */
  socketPath: string;
  /** The driver, as libvirtd itself names it: `qemu:///system`, `test:///default`. */
  uri: string;
  /** For calls that name no timeout of their own. */
  callTimeoutMs: number;
  /** For connecting, authenticating and opening together. */
  openTimeoutMs: number;
  keepalive: KeepaliveSettings;
}>;

export const connectionDefaults = {
  uri: 'qemu:///system',
  callTimeoutMs: 30_000,
  openTimeoutMs: 10_000,
  keepalive: { intervalMs: 5_000, unansweredMax: 3 },
} as const;

const callsAtOnce = 4;

export class LibvirtConnection implements Caller {
  /** Settles when the connection has ended, with the reason; never rejects. */
  readonly closed: Promise<LibvirtError>;
  readonly #settings: ConnectionSettings;
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #calls: CallTable;
  readonly #keepalive: Keepalive;
  readonly #listeners = new Set<(event: DomainEvent) => void>();
  readonly #resolveClosed: (reason: LibvirtError) => void;
  #ended: LibvirtError | undefined;
  #malformedEvents = 0;

  /** Connects, authenticates and opens the driver. Rejects with a `LibvirtError`. */
  static async open(
    settings: Pick<ConnectionSettings, 'socketPath'> & Partial<ConnectionSettings>,
  ): Promise<LibvirtConnection> {
    const connection = new LibvirtConnection({ ...connectionDefaults, ...settings });
    try {
      await connection.#handshake();
    } catch (error) {
      connection.#end('closed', error instanceof Error ? error.message : String(error));
      throw error;
    }
    return connection;
  }

  private constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    const { promise, resolve } = Promise.withResolvers<LibvirtError>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#socket = connect(settings.socketPath);
    this.#calls = new CallTable(
      callsAtOnce,
      (procedure, serial, payload) =>
        this.#send(remoteProgram, procedure.number, messageType.call, serial, payload),
      () =>
        this.#end(
          'closed',
          `libvirtd at ${settings.socketPath} left ${callsAtOnce} calls unanswered`,
        ),
    );
    this.#keepalive = new Keepalive(
      settings.keepalive,
      () => this.#sendKeepalive(keepaliveProcedure.ping),
      (silentMs) =>
        this.#end(
          'closed',
          `libvirtd at ${settings.socketPath} has been silent for ${silentMs} ms`,
        ),
    );
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) =>
      this.#end('closed', `the connection to ${settings.socketPath} failed: ${error.message}`),
    );
    this.#socket.on('close', () =>
      this.#end('closed', `libvirtd closed the connection at ${settings.socketPath}`),
    );
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Events that libvirtd sent and that could not be read. */
  get malformedEvents(): number {
    return this.#malformedEvents;
  }

  async call<Arguments, Reply>(
    procedure: Procedure<Arguments, Reply>,
    args: Arguments,
    options: CallOptions = {},
  ): Promise<Reply> {
    if (this.#ended !== undefined) {
      throw new LibvirtError('closed', procedure.name, this.#ended.message);
    }
    return this.#calls.add(procedure, args, options.timeoutMs ?? this.#settings.callTimeoutMs);
  }

  /** Asks libvirtd for the events of these kinds of every domain; they go to every `onEvent` listener. */
  async registerEvents(kinds: readonly DomainEventKind[]): Promise<void> {
    for (const shape of eventShapes) {
      if (kinds.includes(shape.kind)) await this.call(connectionProcedures.registerEvent, shape.id);
    }
  }

  /** Returns the function that takes the listener away again. */
  onEvent(listener: (event: DomainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the connection in order where libvirtd answers within a second, and in any case. */
  async close(): Promise<void> {
    if (this.#ended === undefined) {
      await this.call(connectionProcedures.close, undefined, { timeoutMs: 1_000 }).catch(() => {});
    }
    this.#end('closed', 'the connection was closed');
    await this.closed;
  }

  async #handshake(): Promise<void> {
    const { uri, openTimeoutMs } = this.#settings;
    const options = { timeoutMs: openTimeoutMs };
    const offered = await this.call(connectionProcedures.authenticationList, undefined, options);
    if (!offered.includes(authentication.none)) {
      if (!offered.includes(authentication.polkit)) {
        throw new LibvirtError(
          'protocol',
          connectionProcedures.authenticationList.name,
          `libvirtd at ${this.#settings.socketPath} asks for SASL authentication, which this client does not speak: set auth_unix_rw to "none" or "polkit"`,
        );
      }
      await this.call(connectionProcedures.authenticationPolkit, undefined, options);
    }
    // Before `open`: libvirtd starts its own pings when it is asked for this feature.
    if (await this.call(connectionProcedures.supportsFeature, keepaliveFeature, options)) {
      this.#keepalive.start();
    }
    await this.call(connectionProcedures.open, { uri, flags: 0 }, options);
  }

  #receive(chunk: Buffer): void {
    this.#keepalive.heard();
    const reading = this.#frames.push(chunk);
    for (const frame of reading.frames) {
      if (this.#ended !== undefined) return;
      this.#take(frame);
    }
    if (reading.kind === 'broken') this.#end('protocol', reading.detail);
  }

  #take(frame: Frame): void {
    if (frame.program === keepaliveProgram) {
      if (frame.procedure === keepaliveProcedure.ping) this.#sendKeepalive(keepaliveProcedure.pong);
      return;
    }
    if (frame.program !== remoteProgram) return;
    if (frame.type === messageType.message) this.#takeEvent(frame);
    else if (frame.type === messageType.reply) {
      this.#calls.answer(frame.serial, frame.status === messageStatus.ok, frame.payload);
    }
  }

  #takeEvent(frame: Frame): void {
    const shape = eventShapes.find((candidate) => candidate.procedure === frame.procedure);
    if (shape === undefined) return;
    let event: DomainEvent;
    try {
      event = shape.read(new XdrReader(frame.payload));
    } catch {
      this.#malformedEvents += 1;
      return;
    }
    for (const listener of this.#listeners) listener(event);
  }

  #sendKeepalive(procedure: number): void {
    this.#send(keepaliveProgram, procedure, messageType.message, 0, Buffer.alloc(0));
  }

  /** False when the payload is larger than a frame may be. */
  #send(
    program: number,
    procedure: number,
    type: number,
    serial: number,
    payload: Buffer,
  ): boolean {
    const frame = encodeFrame({
      program,
      version: protocolVersion,
      procedure,
      type,
      serial,
      status: messageStatus.ok,
      payload,
    });
    if (frame === undefined) return false;
    this.#socket.write(frame);
    return true;
  }

  #end(kind: 'closed' | 'protocol', detail: string): void {
    if (this.#ended !== undefined) return;
    const reason = new LibvirtError(kind, 'connection', detail);
    this.#ended = reason;
    this.#keepalive.stop();
    this.#socket.destroy();
    this.#calls.rejectAll(kind, detail);
    this.#resolveClosed(reason);
  }
}
