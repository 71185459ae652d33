/**
 * The source's half of the path: private Unix sockets, each connection to one of them carried to the
 * target's mover over a TLS connection of its own.
 */

import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Log } from '@barter/core';
import { orderAnswered } from '../crash-point.ts';
import { failure, type Result, success } from '../result.ts';
import { type Carrier, highWaterMarkBytes } from './carrier.ts';
import { type Channel, channels, connectionsMax, encodeHeader } from './channel.ts';
import type { SourceJob } from './job.ts';
import { OrderGuard } from './order-guard.ts';
import { beginStandstill, endStandstill } from './standstill.ts';
import { showsPinnedKey, tlsSettings } from './tls-settings.ts';

const handshakeMaxMs = 10_000;

/** Listens on the job's sockets. Errors: `cannot-listen`. Closing what it returns is the caller's part. */
export async function startSource(
  job: SourceJob,
  carrier: Carrier,
  log: Log,
): Promise<Result<readonly Server[]>> {
  const servers: Server[] = [];
  try {
    await rm(job.directory, { recursive: true, force: true });
    await mkdir(job.directory, { mode: 0o700 });
    for (const channel of channels) servers.push(await listen(job, channel, carrier, log));
    if (job.owner !== null) await chown(job.directory, job.owner.uid, job.owner.gid);
    return success(servers);
  } catch (error) {
    for (const server of servers) server.close();
    const detail = error instanceof Error ? error.message : String(error);
    return failure('cannot-listen', `The mover cannot listen in ${job.directory}: ${detail}.`);
  }
}

async function listen(
  job: SourceJob,
  channel: Channel,
  carrier: Carrier,
  log: Log,
): Promise<Server> {
  let open = 0;
  const settings = { allowHalfOpen: true, pauseOnConnect: true, highWaterMark: highWaterMarkBytes };
  const server = createServer(settings, (near) => {
    if (!carrier.leased || open >= connectionsMax[channel]) {
      const why = carrier.leased ? 'there are too many' : 'the lease has ended';
      log.log('warn', 'refused', `A connection to the ${channel} socket was refused: ${why}.`);
      near.destroy();
      return;
    }
    open += 1;
    near.once('close', () => {
      open -= 1;
    });
    near.on('error', (error) => log.log('info', 'connection', `${channel}: ${error.message}.`));
    carry(job, channel, near, carrier, log);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(job.listen[channel], () => resolve());
  });
  await chmod(job.listen[channel], 0o600);
  if (job.owner !== null) await chown(job.listen[channel], job.owner.uid, job.owner.gid);
  return server;
}

function carry(job: SourceJob, channel: Channel, near: Socket, carrier: Carrier, log: Log): void {
  const settings: ConnectionOptions & { highWaterMark: number } = {
    ...tlsSettings(job),
    host: job.host,
    port: job.port,
    highWaterMark: highWaterMarkBytes,
  };
  const far = connectTls(settings);
  const deadline = setTimeout(() => far.destroy(new Error('no TLS in time')), handshakeMaxMs);
  near.once('close', () => clearTimeout(deadline));
  let isJoined = false;
  far.on('error', (error) => {
    log.log('warn', 'connection', `${channel} to ${job.host}:${job.port}: ${error.message}.`);
    if (!isJoined) near.destroy();
  });
  far.once('close', () => {
    // Before the two are joined nobody else would tell libvirtd or QEMU; afterwards the carrier does.
    if (!isJoined) near.destroy();
  });
  far.once('secureConnect', () => {
    clearTimeout(deadline);
    if (near.destroyed || !showsPinnedKey(far, job)) {
      if (!near.destroyed)
        log.log(
          'error',
          'wrong-key',
          `The mover at ${job.host}:${job.port} has another key than agreed.`,
        );
      far.destroy();
      near.destroy();
      return;
    }
    isJoined = true;
    far.setNoDelay(true);
    far.write(encodeHeader(channel));
    log.log('info', 'connected', `The ${channel} channel is connected.`, { channel });
    const count = () => near.bytesRead + near.bytesWritten;
    if (channel === 'libvirt') carrier.join(guarded(job, near, carrier, log), far, count);
    else carrier.join(near, far, count);
  });
}

/** libvirtd's connection, which does not break while the answer to its order is missing. */
function guarded(
  { domain, standstill }: SourceJob,
  near: Socket,
  carrier: Carrier,
  log: Log,
): OrderGuard {
  const cut = () => near.destroy();
  const guard: OrderGuard = new OrderGuard(near, {
    onOrder() {
      if (standstill !== null) beginStandstill({ domain, ...standstill });
    },
    onAnswered() {
      if (process.env.BARTER_CRASH_AT === orderAnswered) process.kill(process.pid, 'SIGKILL');
      if (standstill !== null) endStandstill(standstill.mark);
    },
    onChange(state) {
      carrier.order(guard, state, cut);
      if (state !== 'held') return;
      const message = 'The way broke before the target had answered the order.';
      log.log('warn', 'order-unanswered', message);
    },
  });
  return guard;
}
