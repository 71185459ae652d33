/** One control request in, one answer out: checks everything that came from outside, then asks the agent. */

import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { AgentApi } from '../api.ts';
import { failure, type Result } from '../result.ts';
import {
  bodyMaxBytes,
  commandBodies,
  commandTimeoutMs,
  isCommand,
  isView,
  type ViewQuery,
  viewQuery,
  viewTimeoutMs,
} from './protocol.ts';

/** `close`: the request was not read to its end, so the connection cannot be used again. */
export type HttpAnswer = Readonly<{ status: number; body: Result<unknown>; close?: true }>;

export async function handleRequest(request: IncomingMessage, api: AgentApi): Promise<HttpAnswer> {
  const url = URL.parse(request.url ?? '', 'http://agent');
  const [, name = ''] = /^\/v1\/([a-z-]{1,40})$/.exec(url?.pathname ?? '') ?? [];
  if (!url || !(isView(name) || isCommand(name))) {
    return wrong(404, 'unknown-route', 'the control socket knows no such route');
  }
  if (request.method === 'GET') {
    if (!isView(name)) return wrong(405, 'wrong-method', `${name} changes something: use POST`);
    const query = viewQuery.safeParse(Object.fromEntries(url.searchParams));
    if (!query.success) return wrong(400, 'bad-request', sentence(name, query.error));
    return answer(await within(viewTimeoutMs, api.view(name, query.data as ViewQuery)));
  }
  if (request.method !== 'POST' || !isCommand(name)) {
    return wrong(405, 'wrong-method', `${name} is read with GET`);
  }
  const body = await readBody(request);
  if (!body.ok) return { status: 400, body, close: true };
  const parsed = commandBodies[name].safeParse(body.value);
  if (!parsed.success) return wrong(400, 'bad-request', sentence(name, parsed.error));
  return answer(await within(commandTimeoutMs, api.command(name, parsed.data)));
}

/** A failure that the agent explains is an answer too: the request was understood. */
function answer(body: Result<unknown>): HttpAnswer {
  return { status: body.ok ? 200 : 409, body };
}

function wrong(status: number, code: string, message: string): HttpAnswer {
  return { status, body: failure(code, message), close: true };
}

async function readBody(request: IncomingMessage): Promise<Result<unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > bodyMaxBytes) {
      return failure('bad-request', `the request is larger than ${bodyMaxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return { ok: true, value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return failure('bad-request', 'the request is not JSON');
  }
}

async function within<Value>(
  timeoutMs: number,
  result: Promise<Result<Value>>,
): Promise<Result<Value>> {
  const { promise, resolve } = Promise.withResolvers<Result<Value>>();
  const timer = setTimeout(
    () => resolve(failure('timeout', `the agent found no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    return await Promise.race([result, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function sentence(name: string, error: z.ZodError): string {
  const problems = error.issues.map(
    ({ path, message }) => `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`,
  );
  return `wrong request for ${name}: ${problems.join('; ')}`;
}
