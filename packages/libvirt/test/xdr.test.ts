/** What is written is read back; what is short or too long is refused before anything is made of it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeFrame,
  FrameReader,
  formatUuid,
  frameBytesMax,
  numberOf,
  parseUuid,
  readTypedParameters,
  type TypedParameter,
  writeTypedParameters,
  XdrError,
  XdrReader,
  XdrWriter,
} from '../src/index.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((s) => !s.includes('\0'));

const parameter: fc.Arbitrary<TypedParameter> = fc.oneof(
  fc.record({
    name: text,
    type: fc.constant('int' as const),
    value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  }),
  fc.record({ name: text, type: fc.constant('uint' as const), value: fc.nat(2 ** 32 - 1) }),
  fc.record({
    name: text,
    type: fc.constant('llong' as const),
    value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  }),
  fc.record({
    name: text,
    type: fc.constant('ullong' as const),
    value: fc.bigInt(0n, 2n ** 64n - 1n),
  }),
  fc.record({ name: text, type: fc.constant('double' as const), value: fc.double() }),
  fc.record({ name: text, type: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({ name: text, type: fc.constant('string' as const), value: text }),
);

describe('typed parameters', () => {
  test('every type is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 20 }), (parameters) => {
        const writer = new XdrWriter();
        writeTypedParameters(writer, parameters);
        const read = readTypedParameters(new XdrReader(writer.bytes()), 64);
        for (const [name, value] of read) {
          expect(value).toEqual(parameters.findLast((p) => p.name === name)?.value);
        }
        expect(read.size).toBe(new Set(parameters.map((p) => p.name)).size);
      }),
    );
  });

  test('an unknown type is refused: its length is not known', () => {
    const bytes = new XdrWriter().uint(1).string('strange').int(99).int(1).bytes();
    expect(() => readTypedParameters(new XdrReader(bytes), 64)).toThrow(/unknown type 99/);
  });

  test('a count beyond the limit, or beyond the bytes, is refused before anything is read', () => {
    const many = new XdrWriter().uint(65).bytes();
    expect(() => readTypedParameters(new XdrReader(many), 64)).toThrow(/longer than 64/);
    const missing = new XdrWriter().uint(64).bytes();
    expect(() => readTypedParameters(new XdrReader(missing), 64)).toThrow(/does not fit/);
  });

  test('numbers come out of every numeric type', () => {
    const parameters = new Map<string, number | bigint | string>([
      ['a', 7],
      ['b', 2n ** 40n],
      ['c', 'text'],
    ]);
    expect(numberOf(parameters, 'a')).toBe(7);
    expect(numberOf(parameters, 'b')).toBe(2 ** 40);
    expect(numberOf(parameters, 'c')).toBeUndefined();
  });
});

describe('xdr', () => {
  test('reading random bytes gives values or an XdrError, and never reads past the end', () => {
    const reads = [
      (r: XdrReader) => r.string(),
      (r: XdrReader) => r.optionalString(),
      (r: XdrReader) => r.hyper(),
      (r: XdrReader) => r.opaque(),
      (r: XdrReader) => r.array(1000, 4, () => r.int()),
      (r: XdrReader) => readTypedParameters(r, 1000),
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.nat(reads.length - 1), { maxLength: 8 }),
        (bytes, order) => {
          const reader = new XdrReader(Buffer.from(bytes));
          try {
            for (const index of order) reads[index]?.(reader);
          } catch (error) {
            expect(error).toBeInstanceOf(XdrError);
          }
          expect(reader.remaining).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['a negative unsigned', (w: XdrWriter) => w.uint(-1)],
    ['a fraction', (w: XdrWriter) => w.int(1.5)],
    ['a 33-bit number', (w: XdrWriter) => w.uint(2 ** 32)],
    ['a 65-bit number', (w: XdrWriter) => w.uhyper(2n ** 64n)],
    ['a string with a NUL', (w: XdrWriter) => w.string('a\0b')],
    ['a string above 4 MiB', (w: XdrWriter) => w.string('x'.repeat(4 * 1024 * 1024 + 1))],
  ])('%s is not written', (_, write) => {
    expect(() => write(new XdrWriter())).toThrow(XdrError);
  });

  test('UUIDs', () => {
    const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';
    expect(formatUuid(parseUuid(uuid.toUpperCase()))).toBe(uuid);
    expect(() => parseUuid('6695eb01')).toThrow(XdrError);
  });
});

describe('frames', () => {
  const encode = (payload: Buffer) =>
    encodeFrame({ program: 1, version: 1, procedure: 2, type: 0, serial: 3, status: 0, payload });

  test('come out whole however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 }),
        (payloads, cuts) => {
          const stream = Buffer.concat(
            payloads.map((p) => encode(Buffer.from(p)) ?? Buffer.alloc(0)),
          );
          const reader = new FrameReader();
          const received: Buffer[] = [];
          let offset = 0;
          for (let index = 0; offset < stream.length; index += 1) {
            const end = offset + (cuts[index % cuts.length] ?? 1);
            const reading = reader.push(stream.subarray(offset, end));
            expect(reading.kind).toBe('frames');
            received.push(...reading.frames.map((frame) => frame.payload));
            offset = end;
          }
          expect(received.map((p) => [...p])).toEqual(payloads.map((p) => [...p]));
        },
      ),
    );
  });

  test('the largest frame passes and the next byte does not', () => {
    const largest = Buffer.alloc(frameBytesMax - 28);
    const encoded = encode(largest);
    expect(encoded?.length).toBe(frameBytesMax);
    if (encoded === undefined) return;
    expect(new FrameReader().push(encoded).frames[0]?.payload.length).toBe(largest.length);
    expect(encode(Buffer.alloc(largest.length + 1))).toBeUndefined();
  });
});
