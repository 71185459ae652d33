/**
 * Prints `barter.proto` from the codecs, for people and for other implementations. The codecs are the
 * source; a test keeps the file in step, and `npm run proto -w packages/agent` writes it anew.
 */

import { entryBody, signedEntry } from '../roster-entry.ts';
import { ticketCodec } from '../ticket.ts';
import type { AnyCodec, MessageSchema } from './codec.ts';
import { frame, joinAnswer, joinRequest } from './frame.ts';

const header = `// The messages of Barter's peer protocols. Printed from the codecs in this folder, which also hold the
// limits of every field: change those, then run "npm run proto -w packages/agent".
//
// /barter/peer/1      a stream of Frame between two members, each with its length before it (varint)
// /barter/join/1      one JoinRequest and one JoinAnswer, framed in the same way
//
// Texts that name one of a few words (modes, reasons, states) are strings. A receiver skips fields it
// does not know. Fields of type double must be finite.

syntax = "proto3";

package barter;
`;

const roots: readonly AnyCodec[] = [
  frame,
  joinRequest,
  joinAnswer,
  signedEntry,
  entryBody,
  ticketCodec,
];

export function protoText(): string {
  const messages = new Map<string, MessageSchema>();
  for (const root of roots) collect(root, messages);
  return [header, ...[...messages.values()].map(print)].join('\n');
}

function collect({ schema }: AnyCodec, messages: Map<string, MessageSchema>): void {
  if (schema === undefined || messages.has(schema.name)) return;
  messages.set(schema.name, schema);
  for (const field of schema.fields) collect(field.codec, messages);
}

function print({ name, fields }: MessageSchema): string {
  const inUnion = fields.filter((field) => field.label === 'oneof');
  const plain = fields.filter((field) => field.label !== 'oneof');
  const lines = plain.map(
    (field) => `  ${field.label}${field.codec.proto} ${field.name} = ${field.number};`,
  );
  const arms = inUnion.map((arm) => `    ${arm.codec.proto} ${arm.name} = ${arm.number};`);
  const union = arms.length === 0 ? [] : ['  oneof kind {', ...arms, '  }'];
  return [`message ${name} {`, ...lines, ...union, '}', ''].join('\n');
}
