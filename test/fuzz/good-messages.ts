/** Good messages as bytes, and the words that they are made of; the same every time. */

import fc from 'fast-check';
import { encode } from '../../packages/agent/src/network/wire/codec.ts';
import { type Frame, frame } from '../../packages/agent/src/network/wire/frame.ts';
import { limits } from '../../packages/agent/src/network/wire/limits.ts';
import { message } from '../../packages/agent/test/network/arbitrary-messages.ts';

export const words = [
  '',
  'a',
  'external',
  'observe',
  'advise',
  'auto',
  'busy',
  'no-gain',
  'refused',
  'not-holder',
  'mode',
  'stopped',
  'policy',
  'running',
  'paused',
  'absent',
  'arrived',
  '52:54:00:12:34:56',
  '12D3KooWQ9uXqPGJDY6wYhNtZ9Xrn4sLDkkpbzmAzj3rjm2rS5rT',
  '/ip4/192.0.2.1/tcp/7411',
  'x'.repeat(43),
  'x'.repeat(129),
  'x'.repeat(1025),
  '\ud83d\ude00',
];

export const coreMessages = fc.sample(message, { seed: 7, numRuns: 400 });

const json = (text: string) => new TextEncoder().encode(text);

const others: readonly Frame[] = [
  {
    kind: 'hello',
    version: 1,
    name: 'kvm1',
    rosterDigest: new Uint8Array(32),
    addresses: ['/ip4/192.0.2.1/tcp/7411'],
  },
  { kind: 'roster', entries: [new Uint8Array(90), new Uint8Array(3)] },
  { kind: 'hints', hints: [{ host: 'h' as never, addresses: ['/ip4/192.0.2.1/tcp/7411'] }] },
  { kind: 'request', id: 1, name: 'view', json: json('{"view":"status"}') },
  { kind: 'answer', id: 1, json: json('null') },
  { kind: 'failure', id: 1, code: 'busy', message: 'busy' },
  { kind: 'there' },
  { kind: 'here' },
];

export function goodFrames(): readonly Uint8Array[] {
  const frames = [
    ...others,
    ...coreMessages.map((each): Frame => ({ kind: 'core', message: each })),
  ];
  return frames.map((each) => bytesOf(encode(frame, each, limits.frameBytes)));
}

export function bytesOf(
  result: Readonly<{ ok: true; value: Uint8Array } | { ok: false; message: string }>,
): Uint8Array {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}
