/**
 * Requests with answers, many at once on one stream, told apart by number. Bounded both ways: an answer
 * comes within the timeout or is given up, and a peer has at most so many requests under way here.
 */

import type { HostId, Log } from '@barter/core';
import { type Failure, failure, type Result, success } from '../result.ts';
import type { Json, RequestHandler } from './peer-network.ts';
import type { Frame } from './wire/frame.ts';
import { readJson, writeJson } from './wire/json.ts';
import { limits } from './wire/limits.ts';

type Pending = Readonly<{
  to: HostId;
  resolve: (result: Result<Json>) => void;
  timer: NodeJS.Timeout;
}>;

type RequestFrame = Extract<Frame, { kind: 'request' }>;
type AnswerFrame = Extract<Frame, { kind: 'answer' | 'failure' }>;

const servedAtOnceMax = 64;
const pendingMax = 4096;

export class Requests {
  readonly #send: (to: HostId, frame: Frame) => Result<null>;
  readonly #log: Log;
  readonly #handlers = new Map<string, RequestHandler>();
  readonly #pending = new Map<number, Pending>();
  readonly #served = new Map<HostId, number>();
  #lastId = 0;

  /** `send` fails with `unreachable` or a code of the encoder. */
  constructor(send: (to: HostId, frame: Frame) => Result<null>, log: Log) {
    this.#send = send;
    this.#log = log;
  }

  handle(name: string, handler: RequestHandler): void {
    this.#handlers.set(name, handler);
  }

  ask(to: HostId, name: string, body: Json, timeoutMs: number): Promise<Result<Json>> {
    const json = writeJson(body);
    if (!json.ok) return Promise.resolve(json);
    if (this.#pending.size >= pendingMax) {
      return Promise.resolve(failure('busy', `${pendingMax} requests are waiting for answers.`));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const sent = this.#send(to, { kind: 'request', id, name, json: json.value });
    if (!sent.ok) return Promise.resolve(sent);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#finish(
          id,
          to,
          failure('timeout', `${to} did not answer "${name}" within ${timeoutMs} ms.`),
        );
      }, timeoutMs);
      this.#pending.set(id, { to, resolve, timer });
    });
  }

  /** The answer to one of ours; anything else is dropped: it came too late, or was never asked for. */
  answered(from: HostId, answer: AnswerFrame): void {
    if (answer.kind === 'answer') this.#finish(answer.id, from, readJson(answer.json));
    else this.#finish(answer.id, from, failure(answer.code, answer.message));
  }

  /** A request of a peer's: handled, and answered whatever happens. */
  async asked(from: HostId, request: RequestFrame): Promise<void> {
    const served = this.#served.get(from) ?? 0;
    if (served >= servedAtOnceMax) {
      this.#refuse(from, request, 'busy', `More than ${servedAtOnceMax} requests at once.`);
      return;
    }
    this.#served.set(from, served + 1);
    try {
      this.#reply(from, request, await this.#serve(from, request));
    } finally {
      const left = (this.#served.get(from) ?? 1) - 1;
      if (left > 0) this.#served.set(from, left);
      else this.#served.delete(from);
    }
  }

  /** Fails what was asked of a peer that is gone. */
  disconnected(host: HostId): void {
    for (const [id, pending] of [...this.#pending]) {
      if (pending.to === host) this.#finish(id, host, unreachable(host));
    }
  }

  close(): void {
    for (const [id, { to }] of [...this.#pending]) this.#finish(id, to, unreachable(to));
  }

  async #serve(from: HostId, request: RequestFrame): Promise<Result<Json>> {
    const handler = this.#handlers.get(request.name);
    if (handler === undefined) {
      return failure('unknown-request', `This host answers no request "${request.name}".`);
    }
    const body = readJson(request.json);
    if (!body.ok) return body;
    try {
      return await handler(from, body.value);
    } catch (error) {
      // A handler that throws is a bug of ours; the peer must not wait for its timeout because of it.
      this.#log.log('error', 'handler-failed', `The handler of "${request.name}" failed.`, {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      return failure('internal', `"${request.name}" failed on the other host; see its log.`);
    }
  }

  #reply(to: HostId, request: RequestFrame, result: Result<Json>): void {
    if (!result.ok) {
      this.#refuse(to, request, result.code, result.message);
      return;
    }
    const json = writeJson(result.value);
    if (!json.ok) this.#refuse(to, request, json.code, json.message);
    else this.#send(to, { kind: 'answer', id: request.id, json: json.value });
  }

  #refuse(to: HostId, request: RequestFrame, code: string, message: string): void {
    this.#send(to, {
      kind: 'failure',
      id: request.id,
      code: code.slice(0, limits.code),
      message: message.slice(0, limits.detail),
    });
  }

  #finish(id: number, from: HostId, result: Result<Json>): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.to !== from) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    pending.resolve(result.ok ? success(result.value) : result);
  }
}

export function unreachable(host: HostId): Failure {
  return failure('unreachable', `${host} is not connected to this host.`);
}
