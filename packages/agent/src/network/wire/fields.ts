/**
 * Messages: codecs of values with named fields, and unions told apart by `kind`.
 *
 * As in proto3, unknown fields are skipped, so that a newer agent can say more than an older one
 * understands, and a scalar that is left out is zero. A message or word that is left out is a fault.
 */

import { BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type AnyCodec, type Codec, fault, type MessageSchema } from './codec.ts';

type Label = 'one' | 'optional' | 'list';

export type One<Value> = Readonly<{ label: 'one'; number: number; codec: Codec<Value> }>;
export type Optional<Value> = Readonly<{ label: 'optional'; number: number; codec: Codec<Value> }>;
export type List<Item> = Readonly<{
  label: 'list';
  number: number;
  codec: Codec<Item>;
  max: number;
}>;

type AnyField = Readonly<{ label: Label; number: number; codec: AnyCodec; max?: number }>;

type FieldOf<Value, Key extends keyof Value> =
  Record<never, never> extends Pick<Value, Key>
    ? Optional<Exclude<Value[Key], undefined>>
    : Value[Key] extends readonly (infer Item)[]
      ? List<Item>
      : One<Value[Key]>;

/** One field of the right sort for every key of `Value`: a forgotten key does not compile. */
export type Fields<Value> = { readonly [Key in keyof Value]-?: FieldOf<Value, Key> };

export function one<Value>(number: number, codec: Codec<Value>): One<Value> {
  return { label: 'one', number, codec };
}

export function optional<Value>(number: number, codec: Codec<Value>): Optional<Value> {
  return { label: 'optional', number, codec };
}

/** At most `max` items; more are a fault as soon as they are met, not after all have been read. */
export function list<Item>(number: number, codec: Codec<Item>, max: number): List<Item> {
  return { label: 'list', number, codec, max };
}

/** A message with these fields. `name` is its name in `barter.proto`. */
export function message<Value extends object>(name: string, fields: Fields<Value>): Codec<Value> {
  const entries = Object.entries<AnyField>(fields);
  const byNumber = new Map(entries.map(([key, field]) => [field.number, [key, field] as const]));
  const schema: MessageSchema = {
    name,
    fields: entries.map(([key, field]) => ({
      label: field.label === 'list' ? 'repeated ' : field.label === 'optional' ? 'optional ' : '',
      name: snake(key),
      number: field.number,
      codec: field.codec,
    })),
  };
  return {
    proto: name,
    wireType: WireType.LengthDelimited,
    schema,
    write: (writer, value) => {
      for (const [key, field] of entries) writeField(writer, key, field, Reflect.get(value, key));
    },
    read: (reader) => {
      const found: Record<string, unknown> = {};
      for (const [key, field] of entries) if (field.label === 'list') found[key] = [];
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag();
        const known = byNumber.get(number);
        if (known === undefined) reader.skip(wireType, number);
        else readField(reader, wireType, known[0], known[1], found);
      }
      for (const [key, field] of entries) {
        if (field.label !== 'one' || key in found) continue;
        if (!('zero' in field.codec)) fault(`${name}.${key} is missing`);
        found[key] = field.codec.zero;
      }
      return found as Value;
    },
  };
}

function writeField(writer: BinaryWriter, key: string, field: AnyField, value: unknown): void {
  const codec = field.codec;
  if (field.label === 'list') {
    const items = value as readonly unknown[];
    const max = field.max ?? 0;
    if (items.length > max) fault(`${key} has ${items.length} items, at most ${max} are allowed`);
    for (const item of items) writeValue(writer, field.number, codec, item);
  } else if (field.label === 'optional') {
    if (value !== undefined) writeValue(writer, field.number, codec, value);
  } else if (codec.zero === undefined || value !== codec.zero) {
    writeValue(writer, field.number, codec, value);
  }
}

function writeValue(writer: BinaryWriter, number: number, codec: AnyCodec, value: unknown): void {
  writer.tag(number, codec.wireType);
  if (codec.schema === undefined) codec.write(writer, value);
  else {
    writer.fork();
    codec.write(writer, value);
    writer.join();
  }
}

function readField(
  reader: BinaryReader,
  wireType: WireType,
  key: string,
  field: AnyField,
  found: Record<string, unknown>,
): void {
  if (wireType !== field.codec.wireType) fault(`${key} has wire type ${wireType}`);
  const value = readValue(reader, field.codec);
  if (field.label !== 'list') {
    found[key] = value;
    return;
  }
  const items = found[key] as unknown[];
  if (items.length >= (field.max ?? 0)) fault(`${key} has more than ${field.max} items`);
  items.push(value);
}

function readValue(reader: BinaryReader, codec: AnyCodec): unknown {
  if (codec.schema === undefined) return codec.read(reader);
  return codec.read(new BinaryReader(reader.bytes()));
}

type Kinded = Readonly<{ kind: string }>;
type Arms<Union extends Kinded> = {
  readonly [Kind in Union['kind']]: readonly [
    number,
    Codec<Omit<Extract<Union, { kind: Kind }>, 'kind'>>,
  ];
};

/** One message out of several, as a protobuf `oneof`; the last one on the wire counts. */
export function union<Union extends Kinded>(name: string, arms: Arms<Union>): Codec<Union> {
  const entries = Object.entries<readonly [number, AnyCodec]>(arms);
  const byKind = new Map(entries);
  const byNumber = new Map(entries.map(([kind, [number, codec]]) => [number, { kind, codec }]));
  return {
    proto: name,
    wireType: WireType.LengthDelimited,
    schema: {
      name,
      fields: entries.map(([kind, [number, codec]]) => ({
        label: 'oneof',
        name: snake(kind),
        number,
        codec,
      })),
    },
    write: (writer, value) => {
      const arm = byKind.get(value.kind);
      if (arm === undefined) fault(`${name} has no ${value.kind}`);
      writeValue(writer, arm[0], arm[1], value);
    },
    read: (reader) => {
      let found: Union | undefined;
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag();
        const arm = byNumber.get(number);
        if (arm === undefined) {
          reader.skip(wireType, number);
          continue;
        }
        if (wireType !== WireType.LengthDelimited) fault(`${arm.kind} has wire type ${wireType}`);
        const value = readValue(reader, arm.codec) as object;
        found = { kind: arm.kind, ...value } as Union;
      }
      return found ?? fault(`${name} holds nothing known`);
    },
  };
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');
}
