/** A server that speaks just enough of the protocol to be opened, and then says whatever a test wants. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectionProcedures,
  encodeFrame,
  type Frame,
  FrameReader,
  keepaliveProcedure,
  keepaliveProgram,
  messageStatus,
  messageType,
  remoteProgram,
  XdrWriter,
} from '../src/index.ts';

export function frame(fields: Partial<Frame>): Buffer {
  const encoded = encodeFrame({
    program: remoteProgram,
    version: 1,
    procedure: 0,
    type: messageType.reply,
    serial: 0,
    status: messageStatus.ok,
    payload: Buffer.alloc(0),
    ...fields,
  });
  if (encoded === undefined) throw new Error('too large for a frame');
  return encoded;
}

export function errorPayload(code: number, domain: number, message: string): Buffer {
  const writer = new XdrWriter();
  writer.int(code).int(domain).optionalString(message);
  // level, no domain, three absent strings, two numbers, no network
  writer.int(2).uint(0).uint(0).uint(0).uint(0).int(0).int(0).uint(0);
  return writer.bytes();
}

export type Peer = Readonly<{
  socket: Socket;
  reply(call: Frame, payload: Buffer, status?: number): void;
}>;

export type Behaviour = Readonly<{
  /** What to do with a call that is not part of opening. */
  onCall?(call: Frame, peer: Peer): void;
  answersPings?: boolean;
  authentication?: readonly number[];
}>;

export class FakeLibvirtd {
  readonly socketPath: string;
  readonly #directory: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Calls of any procedure, in order of arrival. */
  readonly calls: Frame[] = [];
  pongs = 0;
  connections = 0;

  static async start(behaviour: Behaviour = {}): Promise<FakeLibvirtd> {
    const directory = await mkdtemp(join(tmpdir(), 'barter-fake-libvirtd-'));
    const fake = new FakeLibvirtd(directory, behaviour);
    fake.#server.listen(fake.socketPath);
    await once(fake.#server, 'listening');
    return fake;
  }

  private constructor(directory: string, behaviour: Behaviour) {
    this.#directory = directory;
    this.socketPath = join(directory, 'libvirt-sock');
    this.#server = createServer((socket) => this.#serve(socket, behaviour));
  }

  /** Sends bytes to every client. */
  say(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async end(): Promise<void> {
    this.hangUp();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #serve(socket: Socket, behaviour: Behaviour): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const reader = new FrameReader();
    const peer: Peer = {
      socket,
      reply: (call, payload, status = messageStatus.ok) => {
        socket.write(frame({ procedure: call.procedure, serial: call.serial, payload, status }));
      },
    };
    socket.on('data', (chunk: Buffer) => {
      for (const received of reader.push(chunk).frames) this.#take(received, peer, behaviour);
    });
  }

  #take(received: Frame, peer: Peer, behaviour: Behaviour): void {
    if (received.program === keepaliveProgram) {
      this.#takeKeepalive(received, peer, behaviour.answersPings ?? true);
      return;
    }
    this.calls.push(received);
    switch (received.procedure) {
      case connectionProcedures.authenticationList.number: {
        const writer = new XdrWriter();
        writer.array(behaviour.authentication ?? [0], (type) => writer.int(type));
        peer.reply(received, writer.bytes());
        break;
      }
      case connectionProcedures.supportsFeature.number:
        peer.reply(received, new XdrWriter().int(1).bytes());
        break;
      case connectionProcedures.open.number:
      case connectionProcedures.close.number:
      case connectionProcedures.registerEvent.number:
        peer.reply(received, new XdrWriter().int(0).bytes());
        break;
      default:
        behaviour.onCall?.(received, peer);
    }
  }

  #takeKeepalive(received: Frame, peer: Peer, answers: boolean): void {
    const { pong } = keepaliveProcedure;
    if (received.procedure === pong) this.pongs += 1;
    else if (answers) {
      const type = messageType.message;
      peer.socket.write(frame({ program: keepaliveProgram, procedure: pong, type }));
    }
  }
}
