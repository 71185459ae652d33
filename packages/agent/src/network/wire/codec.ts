/**
 * Protobuf with its bounds beside its fields: a codec knows how a value is written, how it is read back
 * and which values are allowed, so nothing reaches the rest of the agent that was not checked.
 *
 * The rule: reading and writing apply the same limits. Bytes from a peer either become a typed value
 * within all limits or a `Failure`; a value of ours beyond a limit is refused before it is sent. The wire
 * format itself (varints, tags, skipping what is unknown) is `@bufbuild/protobuf/wire`. The matching
 * schema for other implementations is `barter.proto`, printed from these codecs by `npm run proto`.
 */

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Failure, failure, type Result, success } from '../../result.ts';

/** How values of one type travel. Scalars have a `zero` that proto3 leaves out. */
export type Codec<Value> = Readonly<{
  wireType: WireType;
  /** The name in a .proto file: `double`, `string`, or a message's own name. */
  proto: string;
  zero?: Value;
  write(writer: BinaryWriter, value: Value): void;
  read(reader: BinaryReader): Value;
  /** For messages only: what `barter.proto` prints. */
  schema?: MessageSchema;
}>;

/** A codec of whatever: good enough to walk over fields. Methods are bivariant, so every codec fits. */
export type AnyCodec = Readonly<{
  wireType: WireType;
  proto: string;
  zero?: unknown;
  write(writer: BinaryWriter, value: unknown): void;
  read(reader: BinaryReader): unknown;
  schema?: MessageSchema;
}>;

export type MessageSchema = Readonly<{
  name: string;
  fields: readonly Readonly<{
    label: '' | 'optional ' | 'repeated ' | 'oneof';
    name: string;
    number: number;
    codec: AnyCodec;
  }>[];
}>;

/** What is wrong with a value or with bytes; caught by `encode` and `decode`, never seen outside. */
class WireFault extends Error {}

export function fault(problem: string): never {
  throw new WireFault(problem);
}

/** The bytes of a value, or why it must not be sent. */
export function encode<Value>(
  codec: Codec<Value>,
  value: Value,
  bytesMax: number,
): Result<Uint8Array> {
  try {
    const writer = new BinaryWriter();
    codec.write(writer, value);
    const bytes = writer.finish();
    if (bytes.length > bytesMax) {
      return failure(
        'too-large',
        `A ${codec.proto} takes ${bytes.length} bytes on the wire; at most ${bytesMax} may be sent.`,
      );
    }
    return success(bytes);
  } catch (error) {
    return refused(codec, error, 'unencodable');
  }
}

/** The value behind bytes from outside, or what is wrong with them. Never throws. */
export function decode<Value>(
  codec: Codec<Value>,
  bytes: Uint8Array,
  bytesMax: number,
): Result<Value> {
  if (bytes.length > bytesMax) {
    return failure(
      'too-large',
      `A ${codec.proto} of ${bytes.length} bytes came in; at most ${bytesMax} are read.`,
    );
  }
  try {
    return success(codec.read(new BinaryReader(bytes)));
  } catch (error) {
    return refused(codec, error, 'malformed');
  }
}

function refused(codec: AnyCodec, error: unknown, code: string): Failure {
  // The reader of @bufbuild/protobuf reports bad bytes by throwing; decoding runs nothing else.
  const problem = error instanceof Error ? error.message : String(error);
  return failure(code, `Not a valid ${codec.proto}: ${problem}.`);
}

// --- scalars ---

function scalar<Value>(
  proto: string,
  wireType: WireType,
  zero: Value,
  put: (writer: BinaryWriter, value: Value) => unknown,
  get: (reader: BinaryReader) => Value,
  check: (value: Value) => void,
): Codec<Value> {
  return {
    proto,
    wireType,
    zero,
    write: (writer, value) => {
      check(value);
      put(writer, value);
    },
    read: (reader) => get(reader),
  };
}

function double(check: (value: number) => void): Codec<number> {
  return {
    ...scalar<number>(
      'double',
      WireType.Bit64,
      0,
      (w, value) => w.double(value),
      (r) => r.double(),
      check,
    ),
    read: (reader) => {
      const value = reader.double();
      check(value);
      // Minus zero is no amount of anything; it would only make equal values look different.
      return value === 0 ? 0 : value;
    },
  };
}

/** Bytes, rates, cores, milliseconds: finite and not negative. */
export const amount = double((value) => {
  if (!Number.isFinite(value) || value < 0) fault(`${value} is not a finite amount`);
});

/** A finite number of either sign. */
export const finite = double((value) => {
  if (!Number.isFinite(value)) fault(`${value} is not finite`);
});

/** A whole number from 0 to 2^53 − 1. */
export const count: Codec<number> = {
  proto: 'uint64',
  wireType: WireType.Varint,
  zero: 0,
  write: (writer, value) => {
    if (!Number.isSafeInteger(value) || value < 0) fault(`${value} is not a whole number`);
    writer.uint64(value);
  },
  read: (reader) => {
    const value = Number(reader.uint64());
    if (!Number.isSafeInteger(value)) fault('a whole number is beyond 2^53');
    return value;
  },
};

export const flag: Codec<boolean> = scalar<boolean>(
  'bool',
  WireType.Varint,
  false,
  (writer, value) => writer.bool(value),
  (reader) => reader.bool(),
  () => {},
);

/** UTF-8 text of at least `min` and at most `max` UTF-16 units. */
export function text<Value extends string = string>(
  max: number,
  options: Readonly<{ min?: number }> = {},
): Codec<Value> {
  const min = options.min ?? 0;
  const check = (value: string) => {
    if (value.length < min || value.length > max) {
      fault(`a text of ${value.length} characters where ${min} to ${max} are allowed`);
    }
  };
  return {
    proto: 'string',
    wireType: WireType.LengthDelimited,
    // A text that must not be empty has no zero: left out, it is missing.
    ...(min === 0 ? { zero: '' as Value } : {}),
    write: (writer, value) => {
      check(value);
      writer.string(value);
    },
    read: (reader) => {
      const value = reader.string(true);
      check(value);
      return value as Value;
    },
  };
}

/** Text for people: what is too long is cut before it is sent, and refused when it comes in. */
export function sentence(max: number): Codec<string> {
  const inner = text(max);
  return { ...inner, write: (writer, value) => inner.write(writer, value.slice(0, max)) };
}

/** One of the given words. */
export function word<Value extends string>(...words: readonly Value[]): Codec<Value> {
  const known: ReadonlySet<string> = new Set(words);
  const longest = Math.max(...words.map((each) => each.length));
  const inner = text(longest);
  const check = (value: string) => {
    if (!known.has(value)) fault(`"${value}" is none of ${words.join(', ')}`);
  };
  return {
    proto: 'string',
    wireType: WireType.LengthDelimited,
    write: (writer, value) => {
      check(value);
      inner.write(writer, value);
    },
    read: (reader) => {
      const value = inner.read(reader);
      check(value);
      return value as Value;
    },
  };
}

export function blob(max: number): Codec<Uint8Array> {
  const check = (value: Uint8Array) => {
    if (value.length > max) fault(`${value.length} bytes where at most ${max} are allowed`);
  };
  return {
    proto: 'bytes',
    wireType: WireType.LengthDelimited,
    zero: new Uint8Array(0),
    write: (writer, value) => {
      check(value);
      writer.bytes(value);
    },
    read: (reader) => {
      const value = reader.bytes();
      check(value);
      // A copy: a view would keep the whole frame in memory for as long as it lives.
      return new Uint8Array(value);
    },
  };
}

/** The same message on the wire, another type in the program; `to` and `from` may call `fault`. */
export function mapped<Wire, Value>(
  codec: Codec<Wire>,
  to: (value: Value) => Wire,
  from: (wire: Wire) => Value,
): Codec<Value> {
  const { zero: _, ...rest } = codec;
  return {
    ...rest,
    write: (writer, value) => codec.write(writer, to(value)),
    read: (reader) => from(codec.read(reader)),
  };
}
