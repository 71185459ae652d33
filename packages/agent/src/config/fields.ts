/**
 * The kinds of values that the configuration knows, as zod types: text in, numbers in base units out.
 * Every message says what is wrong and what to write instead; the path and the line are added by `load.ts`.
 */

import { isIP } from 'node:net';
import { z } from 'zod';
import { type Result, success } from '../result.ts';
import { parseRate, parseShare, parseSize } from './units.ts';
import { parseWindow } from './windows.ts';

/** A value that is written as text or as a bare number, read by one of the parsers of `units.ts`. */
function written<Value>(parse: (text: string) => Result<Value>, example: string) {
  return z
    .union([z.string(), z.number()], { error: `expected ${example}` })
    .transform((text, context): Value => {
      const parsed = parse(String(text));
      if (parsed.ok) return parsed.value;
      context.addIssue({ code: 'custom', message: parsed.message });
      return z.NEVER;
    });
}

/** Bytes. */
export const size = written(parseSize, 'a size such as 2GiB');
/** Bits per second. */
export const rate = written(parseRate, 'a rate such as 400Mbit');
/** A fraction of one. */
export const share = written(parseShare, 'a share such as 10% or 0.1');
export const migrationWindow = written(parseWindow, 'a window such as 22:00-05:00');

/** A rate, or a share of this host's uplink (`limits.nic`), which is known only once the agent runs. */
export type RateOrShare = Readonly<{ bitsPerSecond: number }> | Readonly<{ share: number }>;

export const rateOrShare = written((text): Result<RateOrShare> => {
  if (text.trim().endsWith('%')) {
    const parsed = parseShare(text);
    return parsed.ok ? success({ share: parsed.value }) : parsed;
  }
  const parsed = parseRate(text);
  return parsed.ok ? success({ bitsPerSecond: parsed.value }) : parsed;
}, 'a rate such as 400Mbit or a share of the uplink such as 80%');

/** `auto` stays the word: what it stands for is decided where it is known. */
export const autoOrSize = written(orAuto(parseSize), 'a size such as 64GiB, or auto');
export const autoOrRate = written(orAuto(parseRate), 'a rate such as 10Gbit, or auto');

function orAuto<Value>(parse: (text: string) => Result<Value>) {
  return (text: string): Result<Value | 'auto'> =>
    text.trim() === 'auto' ? success('auto') : parse(text);
}

export function whole(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

export function decimal(min: number, max: number) {
  const error = `expected a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `expected one of ${values.join(', ')}` });
}

export function text(max: number, what: string) {
  const error = `expected ${what}`;
  return z.string({ error }).min(1, { error }).max(max, { error });
}

export function absolutePath(max: number) {
  return text(max, `an absolute path of at most ${max} bytes`).refine(
    (path) => path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= max,
    { error: `expected an absolute path of at most ${max} bytes` },
  );
}

/** Linux keeps 108 bytes for a socket's path, the closing zero included (unix(7)). */
export const socketPath = absolutePath(107);

/** `/ip4/10.0.0.1/tcp/7411`, optionally `/p2p/PEER`: the only transport that agents speak is TCP. */
export const multiaddr = z
  .string({ error: 'expected an address such as /ip4/0.0.0.0/tcp/7411' })
  .refine(isTcpMultiaddr, {
    error: 'expected an address such as /ip4/0.0.0.0/tcp/7411 or /dns4/NAME/tcp/7411/p2p/PEER',
  });

function isTcpMultiaddr(address: string): boolean {
  const match =
    /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]{1,253})\/tcp\/(\d{1,5})(\/p2p\/[A-Za-z0-9]{1,128})?$/;
  const [, kind, host, port] = match.exec(address) ?? [];
  if (kind === undefined || host === undefined || Number(port) > 65_535) return false;
  if (kind === 'ip4') return isIP(host) === 4;
  if (kind === 'ip6') return isIP(host) === 6;
  return /^[A-Za-z0-9._-]+$/.test(host);
}

/** `127.0.0.1:7412`, `[::1]:7412`, or `off` (also as YAML's `false`). */
export const httpListen = z
  .union([z.literal('off'), z.literal(false), z.string()], {
    error: 'expected ADDRESS:PORT or off',
  })
  .transform((value, context): 'off' | { address: string; port: number } => {
    if (value === 'off' || value === false) return 'off';
    const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):(\d{1,5})$/.exec(value);
    const address = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (address !== undefined && isIP(address) !== 0 && port <= 65_535) return { address, port };
    context.addIssue({
      code: 'custom',
      message: 'expected ADDRESS:PORT with an IP address, such as 127.0.0.1:7412, or off',
    });
    return z.NEVER;
  });

/** `49152-49215`: first and last, both included. */
export const portRange = z
  .string({ error: 'expected a range of ports such as 49152-49215' })
  .transform((value, context) => {
    const match = /^(\d{1,5})-(\d{1,5})$/.exec(value.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2]);
    if (match && first >= 1 && first <= last && last <= 65_535) return { first, last };
    context.addIssue({
      code: 'custom',
      message: 'expected a range of ports such as 49152-49215, first not above last',
    });
    return z.NEVER;
  });
