/**
 * The log: one JSON object a line on standard output (journald adds nothing to it that is not there), or
 * short lines on a terminal.
 *
 * Secrets never get out: fields whose name says that they hold one are replaced, and so is anything that
 * looks like a private key (PEM, or a host's key file) or a ticket, wherever it stands. Fields are cut to a bounded size, because some
 * of what is logged was sent by others.
 */

import { isatty } from 'node:tty';
import type { Log, LogLevel } from '@barter/core';
import { type DestinationStream, destination, pino } from 'pino';

export type LogOptions = Readonly<{
  level: LogLevel;
  /** File descriptor: 1 (standard output, the default) or 2. */
  descriptor?: 1 | 2;
  /** Written to every line, such as this host's name. */
  fields?: Readonly<Record<string, unknown>>;
  /** Where lines go instead, for tests. */
  stream?: DestinationStream;
}>;

const secretName = /ticket|secret|password|passphrase|private|credential|keypem|^key$|token/i;
const secretText =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)|\bbarter-[A-Za-z0-9_-]{40,}|\bCAESQ[A-Za-z0-9+/]{80,}={0,2}/g;
const concealed = '[concealed]';
const textMax = 2_048;
const entriesMax = 50;
const depthMax = 5;

export function createLog(options: LogOptions): Log {
  const { level, descriptor = 1, fields = {} } = options;
  const stream =
    options.stream ?? (isatty(descriptor) ? terminal(descriptor) : destination(descriptor));
  const logger = pino(
    {
      level,
      base: harmless(fields, 0) as Record<string, unknown>,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    stream,
  );
  return {
    log(at, code, message, extra) {
      if (!logger.isLevelEnabled(at)) return;
      const rest = extra === undefined ? {} : (harmless(extra, 0) as Record<string, unknown>);
      logger[at]({ ...rest, code }, cut(message));
    },
  };
}

/** A copy that holds no secret, is bounded in size and depth, and always turns into JSON. */
function harmless(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Error) return harmlessError(value, depth);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  if (depth >= depthMax) return '[…]';
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const kept = entries
    .slice(0, entriesMax)
    .map(([name, item]): [string, unknown] => [
      String(name),
      secretName.test(String(name)) && typeof item !== 'boolean' && typeof item !== 'number'
        ? concealed
        : harmless(item, depth + 1),
    ]);
  if (Array.isArray(value)) return kept.map(([, item]) => item);
  return Object.fromEntries(kept);
}

function harmlessError(error: Error, depth: number): unknown {
  const { name, message, stack, cause, code } = error as NodeJS.ErrnoException;
  return {
    name,
    ...(code === undefined ? {} : { code }),
    message: cut(message),
    stack: cut(stack ?? ''),
    ...(cause === undefined || depth >= depthMax ? {} : { cause: harmless(cause, depth + 1) }),
  };
}

function cut(text: string): string {
  // Cut first: the expression then never runs over more than a bounded text.
  const short = text.length > textMax ? `${text.slice(0, textMax)}… (${text.length})` : text;
  return short.replace(secretText, concealed);
}

/** `12:03:04 warn  probe     the pair set is full  {"bridge":"br0"}`, for whoever runs an agent by hand. */
function terminal(descriptor: number): DestinationStream {
  const lines = destination(descriptor);
  return {
    write(line) {
      const { level, time, code, message, ...rest } = JSON.parse(line) as Record<string, unknown>;
      const extra = Object.keys(rest).length > 0 ? `  ${JSON.stringify(rest)}` : '';
      const clock = String(time).slice(11, 19);
      lines.write(
        `${clock} ${String(level).padEnd(5)} ${String(code).padEnd(12)} ${message}${extra}\n`,
      );
    },
  };
}
