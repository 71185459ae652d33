/**
 * The command line's end of the control socket. Every failure says what is wrong and what to do about it;
 * nothing takes longer than its bound, whatever the agent does.
 */

import { request } from 'node:http';
import type { Commands, Views } from '../api.ts';
import { failure, type Result } from '../result.ts';

export type ClientOptions = Readonly<{
  socketPath: string;
  /** Bound of one reading, 3 s by default: the agent answers for a silent peer within it. */
  viewTimeoutMs?: number;
  /** Bound of one command, 25 s by default: it may have to reach other hosts. */
  commandTimeoutMs?: number;
}>;

/** The largest answer that is read; a table of ten thousand domains fits. */
const answerMaxBytes = 16 * 1024 * 1024;

/**
 * Codes of its own, beside the agent's: `agent-not-running`, `permission-denied`, `timeout`,
 * `not-an-agent`, `disconnected`.
 */
export class ControlClient {
  readonly #socketPath: string;
  readonly #viewTimeoutMs: number;
  readonly #commandTimeoutMs: number;

  constructor(options: ClientOptions) {
    this.#socketPath = options.socketPath;
    this.#viewTimeoutMs = options.viewTimeoutMs ?? 3_000;
    this.#commandTimeoutMs = options.commandTimeoutMs ?? 25_000;
  }

  view<Name extends keyof Views>(
    name: Name,
    options: Readonly<{ peer?: string; limit?: number }> = {},
  ): Promise<Result<Views[Name]>> {
    const query = new URLSearchParams();
    if (options.peer !== undefined) query.set('peer', options.peer);
    if (options.limit !== undefined) query.set('limit', String(options.limit));
    const path = query.size > 0 ? `/v1/${name}?${query}` : `/v1/${name}`;
    return this.#ask('GET', path, undefined, this.#viewTimeoutMs);
  }

  command<Name extends keyof Commands>(
    name: Name,
    body: Commands[Name]['body'],
  ): Promise<Result<Commands[Name]['value']>> {
    return this.#ask('POST', `/v1/${name}`, JSON.stringify(body), this.#commandTimeoutMs);
  }

  #ask<Value>(
    method: string,
    path: string,
    body: string | undefined,
    timeoutMs: number,
  ): Promise<Result<Value>> {
    const { promise, resolve } = Promise.withResolvers<Result<Value>>();
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request(
      {
        socketPath: this.#socketPath,
        method,
        path,
        agent: false,
        signal,
        headers:
          body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes > answerMaxBytes) asked.destroy();
          else chunks.push(chunk);
        });
        response.on('end', () => resolve(this.#read(Buffer.concat(chunks).toString('utf8'))));
        response.on('error', (error) => resolve(this.#explain(error, signal, timeoutMs)));
      },
    );
    asked.on('error', (error) => resolve(this.#explain(error, signal, timeoutMs)));
    asked.end(body);
    return promise;
  }

  #read<Value>(text: string): Result<Value> {
    try {
      const answer: unknown = JSON.parse(text);
      if (isResult(answer)) return answer as Result<Value>;
    } catch {
      // Something else listens there.
    }
    return failure(
      'not-an-agent',
      `what answers at ${this.#socketPath} is not a Barter agent: check control.socket`,
    );
  }

  #explain(error: NodeJS.ErrnoException, signal: AbortSignal, timeoutMs: number): Result<never> {
    const socket = this.#socketPath;
    if (signal.aborted) {
      return failure(
        'timeout',
        `the agent at ${socket} did not answer within ${timeoutMs / 1000} s: it hangs or is overloaded; see its log`,
      );
    }
    switch (error.code) {
      case 'ENOENT':
      case 'ECONNREFUSED':
      case 'ENOTDIR':
        return failure(
          'agent-not-running',
          `no agent is running at ${socket}: start it with \`systemctl start barter\` (or \`barter agent\`), or name its socket with --socket`,
        );
      case 'EACCES':
      case 'EPERM':
        return failure(
          'permission-denied',
          `permission denied at ${socket}: run the command as root, or as a member of the group that owns the socket (control.group, barter by default)`,
        );
      case 'ENOTSOCK':
        return failure('not-an-agent', `${socket} is not a socket: check control.socket`);
      default:
        return failure(
          'disconnected',
          `the agent at ${socket} ended the connection (${error.message}); see its log`,
        );
    }
  }
}

function isResult(answer: unknown): answer is Result<unknown> {
  if (typeof answer !== 'object' || answer === null || !('ok' in answer)) return false;
  if (answer.ok === true) return 'value' in answer;
  return (
    answer.ok === false &&
    'code' in answer &&
    'message' in answer &&
    typeof answer.code === 'string' &&
    typeof answer.message === 'string'
  );
}
