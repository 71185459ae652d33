/**
 * The target's half of the path: one TLS port for one lease. Behind it are this host's libvirtd, through
 * the filter, and the sockets on which the arriving QEMU listens.
 *
 * The rule: a connection that does not show the pinned key, or that comes after the lease, is dropped
 * before a byte of it goes anywhere.
 */

import { writeFileSync } from 'node:fs';
import { chown, mkdir, rm } from 'node:fs/promises';
import { connect, type IpcNetConnectOpts, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Log } from '@barter/core';
import { orderHeld } from '../crash-point.ts';
import { failure, type Result, success } from '../result.ts';
import { type Carrier, highWaterMarkBytes } from './carrier.ts';
import { type Channel, connectionsMax, decodeHeader, headerBytes } from './channel.ts';
import { noteOrder } from './door.ts';
import type { TargetJob } from './job.ts';
import { frameBytesMax, isOrderToRun, procedureName, RpcFilter } from './rpc-filter.ts';
import { RpcFrameSplitter } from './rpc-frame.ts';
import { showsPinnedKey, tlsSettings } from './tls-settings.ts';

/** Time for the handshake and the header; whoever knocks without the key is gone after it. */
const greetingMaxMs = 10_000;
/** Connections of any kind at once, strangers' included. */
const socketsMax = 256;

export type Listening = Readonly<{ server: Server; port: number }>;

/** Listens for the source's mover. Errors: `cannot-listen`. */
export async function startTarget(
  job: TargetJob,
  carrier: Carrier,
  log: Log,
): Promise<Result<Listening>> {
  const filter = new RpcFilter(job.expected);
  const open: Record<Channel, number> = { libvirt: 0, memory: 0, disks: 0 };
  const settings: TlsOptions = {
    ...tlsSettings(job),
    handshakeTimeout: greetingMaxMs,
    highWaterMark: highWaterMarkBytes,
  };
  const server = createServer(settings);
  server.maxConnections = socketsMax;
  server.on('connection', (socket: Socket) => {
    // A new connection is nothing before its lease says so: not even a handshake.
    if (!carrier.leased) socket.destroy();
  });
  server.on('tlsClientError', (error, socket) => {
    log.log(
      'warn',
      'refused',
      `A connection from ${socket.remoteAddress} is not TLS: ${error.message}.`,
    );
  });
  server.on('secureConnection', (far: TLSSocket) => {
    // What ends a joined connection is told by the filter, or is the other side's affair.
    far.on('error', () => {});
    if (!showsPinnedKey(far, job)) {
      log.log('warn', 'wrong-key', `${far.remoteAddress} does not hold the key of this lease.`);
      far.destroy();
      return;
    }
    readHeader(far, (channel) => {
      if (channel === undefined || !carrier.leased || open[channel] >= connectionsMax[channel]) {
        log.log(
          'warn',
          'refused',
          'A connection with a wrong header, too late or one too many was refused.',
        );
        far.destroy();
        return;
      }
      open[channel] += 1;
      far.once('close', () => {
        open[channel] -= 1;
      });
      serve(job, channel, far, filter, carrier, log);
    });
  });
  try {
    await rm(job.directory, { recursive: true, force: true });
    await mkdir(job.directory, { mode: 0o700 });
    if (job.owner !== null) await chown(job.directory, job.owner.uid, job.owner.gid);
    const port = await listenInRange(server, job);
    return success({ server, port });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return failure('cannot-listen', `The mover cannot listen: ${detail}.`);
  }
}

function serve(
  job: TargetJob,
  channel: Channel,
  far: TLSSocket,
  filter: RpcFilter,
  carrier: Carrier,
  log: Log,
): void {
  if (channel !== 'libvirt' && !filter.prepared) {
    log.log(
      'warn',
      'refused',
      `The ${channel} channel was asked for before libvirt prepared anything.`,
    );
    far.destroy();
    return;
  }
  const settings: IpcNetConnectOpts & { allowHalfOpen: boolean; highWaterMark: number } = {
    path: job.connect[channel],
    allowHalfOpen: true,
    highWaterMark: highWaterMarkBytes,
  };
  const near = connect(settings);
  let connected = false;
  near.on('error', (error) => {
    if (!connected)
      log.log('warn', 'connection', `${channel} to ${job.connect[channel]}: ${error.message}.`);
    far.destroy();
  });
  near.once('connect', () => {
    connected = true;
    log.log('info', 'connected', `The ${channel} channel is connected.`, { channel });
    const gate = channel === 'libvirt' ? filterStream(filter, job, log) : undefined;
    carrier.join(far, near, () => near.bytesRead + near.bytesWritten, gate);
  });
}

/**
 * Lets through what the filter lets through; anything else fails the stream, which ends the connection. An order to
 * run the domain leaves its mark first: if that cannot be made, the order does not go through.
 */
function filterStream(filter: RpcFilter, job: TargetJob, log: Log): Transform {
  const splitter = new RpcFrameSplitter(frameBytesMax);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const split = splitter.push(chunk);
      for (const frame of split.frames) {
        const verdict = filter.check(frame);
        if (!verdict.ok) {
          log.log('error', verdict.code, verdict.message, { procedure: frame.procedure });
          done(new Error(verdict.message));
          return;
        }
        if (isOrderToRun(frame)) {
          if (process.env.BARTER_CRASH_AT === orderHeld) process.kill(process.pid, 'SIGSTOP');
          try {
            writeFileSync(job.orderedMark, noteOrder(job.expected.definition.name), {
              mode: 0o600,
            });
          } catch (error) {
            done(error as Error);
            return;
          }
        }
        this.push(frame.bytes);
      }
      if (!split.ok) {
        const call = procedureName(split.header);
        const message = `The libvirt call ${call} was refused: ${split.message}.`;
        log.log('error', 'call-refused', message, { procedure: split.header.procedure });
        done(new Error(message));
        return;
      }
      done();
    },
  });
}

/** Calls back with the channel, or undefined for anything that is not a header. */
function readHeader(socket: TLSSocket, done: (channel: Channel | undefined) => void): void {
  const deadline = setTimeout(() => socket.destroy(), greetingMaxMs);
  const onReadable = (): void => {
    const header = socket.read(headerBytes) as Buffer | null;
    if (header === null) return;
    clearTimeout(deadline);
    socket.off('readable', onReadable);
    done(decodeHeader(header));
  };
  socket.once('close', () => clearTimeout(deadline));
  socket.on('readable', onReadable);
}

async function listenInRange(server: Server, job: TargetJob): Promise<number> {
  for (let port = job.ports.first; ; port += 1) {
    try {
      return await listenOn(server, port, job.listenAddress);
    } catch (error) {
      const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!busy || port >= job.ports.last) throw error;
    }
  }
}

function listenOn(server: Server, port: number, address: string | null): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(address === null ? {} : { host: address }) }, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}
