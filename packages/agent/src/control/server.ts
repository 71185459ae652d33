/**
 * The control socket: HTTP on a Unix socket, for `barter` and scripts on this host. Whoever may open the
 * socket controls the agent, so its mode is 0660 from the moment it exists, and it belongs to root and the
 * group `barter`; without such a group to root alone.
 *
 * Every request is bounded in size and time, and every answer is JSON. A socket file that an earlier agent
 * left behind is replaced only when nobody answers at it.
 */

import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Log } from '@barter/core';
import type { AgentApi } from '../api.ts';
import { failure, type Result, success } from '../result.ts';
import { groupIdOf } from './group.ts';
import { type HttpAnswer, handleRequest } from './routes.ts';

export type ControlServer = Readonly<{
  socketPath: string;
  /** Refuses new requests, lets those under way end for at most a second, removes the socket. */
  close(): Promise<void>;
}>;

const connectionsMax = 64;
const closeWithinMs = 1_000;

/** Codes: `control-in-use` (another agent answers there), `control-unusable`. */
export async function serveControl(
  options: Readonly<{
    socketPath: string;
    /** A group's name or number; one that is not there gives nobody access. */
    group?: string;
    api: AgentApi;
    log: Log;
  }>,
): Promise<Result<ControlServer>> {
  const { socketPath, group, api, log } = options;
  const free = await freeSocket(socketPath);
  if (!free.ok) return free;
  const server = createServer(
    {
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 1_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 8_192,
    },
    (request, response) => void respond(request, response, api, log),
  );
  server.maxConnections = connectionsMax;
  const listening = await listen(server, socketPath);
  if (!listening.ok) return listening;
  if (group !== undefined) giveTo(group, socketPath, log);
  server.on('error', (error) => log.log('error', 'control', error.message));
  return success({ socketPath, close: () => close(server, socketPath) });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  api: AgentApi,
  log: Log,
): Promise<void> {
  let answer: HttpAnswer;
  try {
    answer = await handleRequest(request, api);
  } catch (error) {
    // An exception is a bug of ours: the caller gets one sentence, the log gets the rest.
    log.log('error', 'control', 'a control request failed', { error, url: request.url });
    answer = { status: 500, body: failure('internal', 'the agent failed to answer; see its log') };
  }
  if (response.destroyed) return;
  const text = JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...(answer.close ? { connection: 'close' } : {}),
  });
  response.end(text);
  // What is left of a body that is too long is not read: the connection ends with the answer.
  if (answer.close) response.once('finish', () => request.destroy());
}

/** Makes the directory and takes away a socket that nobody listens at. */
async function freeSocket(path: string): Promise<Result<null>> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) return success(null);
    if (!found.isSocket()) {
      return failure(
        'control-unusable',
        `${path} is not a socket: move it away or set control.socket`,
      );
    }
    if (await answers(path)) {
      return failure(
        'control-in-use',
        `another agent answers at ${path}: stop it first, or set control.socket`,
      );
    }
    unlinkSync(path);
    return success(null);
  } catch (error) {
    return unusable(path, error);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => end(true));
    // Anything but "nobody listens" (a full backlog, say) means that somebody may be there.
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
  });
}

async function listen(server: Server, path: string): Promise<Result<null>> {
  const { promise, resolve } = Promise.withResolvers<Result<null>>();
  server.once('error', (error) => resolve(unusable(path, error)));
  server.once('listening', () => resolve(success(null)));
  // The socket is made within this call; with the mask there is no moment at which others may open it.
  const before = process.umask(0o117);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  const listening = await promise;
  if (listening.ok) chmodSync(path, 0o660);
  return listening;
}

/** Until then nobody but root could open it: access only ever widens. */
function giveTo(group: string, path: string, log: Log): void {
  const id = groupIdOf(group);
  if (id === undefined) {
    log.log('info', 'control', `There is no group ${group}: only root may use ${path}.`);
    return;
  }
  try {
    chownSync(path, process.getuid?.() ?? 0, id);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.log('warn', 'control', `The group ${group} may not use ${path}: ${reason}.`);
  }
}

async function close(server: Server, path: string): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), closeWithinMs);
  await closed;
  clearTimeout(timer);
  try {
    unlinkSync(path);
  } catch {
    // Node has removed it already.
  }
}

function unusable(path: string, error: unknown): Result<never> {
  const reason = error instanceof Error ? error.message : String(error);
  return failure('control-unusable', `cannot listen at the control socket ${path}: ${reason}`);
}
