/** JSON in requests and answers: bounded in size and depth, so that handlers can walk it without fear. */

import { type Failure, failure, type Result, success } from '../../result.ts';
import type { Json } from '../peer-network.ts';
import { limits } from './limits.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Errors: `too-large`, `not-json` (deeper than allowed, or not JSON at all: a bug of ours). */
export function writeJson(value: Json): Result<Uint8Array> {
  if (!isWithinDepth(value, limits.jsonDepth)) return tooDeep;
  const printed = print(value);
  if (printed === undefined) return failure('not-json', 'The value is not JSON.');
  const bytes = new TextEncoder().encode(printed);
  if (bytes.length <= limits.jsonBytes) return success(bytes);
  return failure(
    'too-large',
    `The body takes ${bytes.length} bytes as JSON; at most ${limits.jsonBytes} may be sent.`,
  );
}

/** Undefined for what the type forbids and a mistake of ours may still bring: a function, a bigint. */
function print(value: Json): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch {
    return undefined;
  }
}

/** Errors: `not-json`. */
export function readJson(bytes: Uint8Array): Result<Json> {
  let value: Json;
  try {
    value = JSON.parse(utf8.decode(bytes)) as Json;
  } catch {
    return failure('not-json', 'The body is not JSON.');
  }
  return isWithinDepth(value, limits.jsonDepth) ? success(value) : tooDeep;
}

const tooDeep: Failure = failure(
  'not-json',
  `The body is nested more than ${limits.jsonDepth} levels deep.`,
);

/** Stops at the depth it looks for, so it cannot exhaust the stack itself. */
function isWithinDepth(value: Json, depth: number): boolean {
  if (value === null || typeof value !== 'object') return true;
  if (depth === 0) return false;
  return Object.values(value).every((each) => isWithinDepth(each, depth - 1));
}
