/**
 * Fuzzing a codec: messages that follow its schema without caring for its limits, and good messages
 * damaged. What is let in must be within every limit, so it can be written again, and reads back the same.
 */

import type {
  AnyCodec,
  Codec,
  MessageSchema,
} from '../../packages/agent/src/network/wire/codec.ts';
import { decode, encode } from '../../packages/agent/src/network/wire/codec.ts';
import { mutateBytes } from './mutate.ts';
import type { Dice } from './random.ts';
import { broken, type Target, target } from './target.ts';

const depthMax = 8;
const wireTypes = { varint: 0, bit64: 1, delimited: 2, startGroup: 3, bit32: 5 } as const;

export function wireTarget<Value>(
  options: Readonly<{
    name: string;
    codec: Codec<Value>;
    bytesMax: number;
    good: readonly Uint8Array[];
    /** Words that texts are made of, besides garbage. */
    words: readonly string[];
  }>,
): Target {
  const { name, codec, bytesMax, good, words } = options;
  return target<Uint8Array>({
    name,
    make(dice) {
      if (dice.oneIn(10)) return dice.bytes(dice.length(300));
      if (dice.oneIn(3) && codec.schema !== undefined) {
        const made = bySchema(dice, codec.schema, words, 0);
        return dice.oneIn(4) ? mutateBytes(dice, made, dice.pick(good), bytesMax) : made;
      }
      return mutateBytes(dice, dice.pick(good), dice.pick(good), bytesMax);
    },
    read(bytes) {
      const read = decode(codec, bytes, bytesMax);
      if (!read.ok) {
        if (read.message === '') broken('a refusal says why');
        return;
      }
      // Twice the room: a table that nobody points into may come shorter than we would write it.
      const written = encode(codec, read.value, 2 * bytesMax);
      if (!written.ok) return broken(`what is let in is within every limit: ${written.message}`);
      const back = decode(codec, written.value, 2 * bytesMax);
      if (!back.ok) return broken(`what is written can be read: ${back.message}`);
      const again = encode(codec, back.value, 2 * bytesMax);
      if (!again.ok || !Buffer.from(again.value).equals(written.value))
        broken('what is written reads back the same');
    },
  });
}

/** A message of this schema: fields in any number and order, some of the wrong type, some unknown. */
export function bySchema(
  dice: Dice,
  schema: MessageSchema,
  words: readonly string[],
  depth: number,
): Buffer {
  const parts: Buffer[] = [];
  const put = (number: number, wireType: number, value: Buffer) =>
    parts.push(varint(number * 8 + wireType), value);
  const isUnion = schema.fields.some(({ label }) => label === 'oneof');
  const fields = isUnion ? [dice.pick(schema.fields)] : schema.fields;
  for (const { label, number, codec } of fields) {
    if (dice.oneIn(25)) continue;
    const most = label === 'repeated ' ? dice.length(dice.oneIn(50) ? 200 : 4) : 1;
    for (let left = dice.oneIn(40) ? most + 1 : most; left > 0; left -= 1) {
      const [wireType, value] = fieldValue(dice, codec, words, depth);
      put(number, wireType, value);
    }
  }
  if (dice.oneIn(10)) {
    const wireType = dice.pick(Object.values(wireTypes));
    put(1 + dice.below(40), wireType, scalar(dice, wireType));
  }
  return Buffer.concat(parts);
}

function fieldValue(
  dice: Dice,
  codec: AnyCodec,
  words: readonly string[],
  depth: number,
): [number, Buffer] {
  if (dice.oneIn(60)) {
    const wireType = dice.pick(Object.values(wireTypes));
    return [wireType, scalar(dice, wireType)];
  }
  if (codec.schema !== undefined) {
    const inner =
      depth >= depthMax ? Buffer.alloc(0) : bySchema(dice, codec.schema, words, depth + 1);
    return [wireTypes.delimited, delimited(inner)];
  }
  if (codec.proto === 'string') {
    const text = dice.oneIn(12) ? dice.bytes(dice.length(40)) : Buffer.from(dice.pick(words));
    return [wireTypes.delimited, delimited(text)];
  }
  return [codec.wireType, scalar(dice, codec.wireType)];
}

function scalar(dice: Dice, wireType: number): Buffer {
  switch (wireType) {
    case wireTypes.varint:
      return dice.oneIn(8) ? dice.bytes(10) : varint(dice.length(2 ** 31));
    case wireTypes.bit64: {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(dice.oneIn(8) ? Number.NaN : dice.length(2 ** 40) / (1 + dice.below(3)));
      return dice.oneIn(12) ? dice.bytes(8) : bytes;
    }
    case wireTypes.bit32:
      return dice.bytes(4);
    case wireTypes.startGroup:
      return Buffer.concat(Array(dice.length(2000)).fill(varint(8 + wireTypes.startGroup)));
    default:
      return delimited(dice.bytes(dice.length(64)));
  }
}

function delimited(bytes: Buffer): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80);
  return Buffer.from([...bytes, left]);
}
