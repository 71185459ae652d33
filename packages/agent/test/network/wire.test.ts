import { readFileSync } from 'node:fs';
import type { Book, DealId, DomainId, HostId, Message } from '@barter/core';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { type Codec, decode, encode } from '../../src/network/wire/codec.ts';
import { frame, joinAnswer, joinRequest } from '../../src/network/wire/frame.ts';
import { readJson, writeJson } from '../../src/network/wire/json.ts';
import { limits } from '../../src/network/wire/limits.ts';
import { coreMessage } from '../../src/network/wire/message-codec.ts';
import { loadSummary } from '../../src/network/wire/model-codec.ts';
import { protoText } from '../../src/network/wire/proto-text.ts';
import { message, summary } from './arbitrary-messages.ts';
import { must, summaryOf } from './hosts.ts';

const bytesMax = limits.frameBytes;
const there = <Value>(codec: Codec<Value>, value: Value) => must(encode(codec, value, bytesMax));
const back = <Value>(codec: Codec<Value>, bytes: Uint8Array) => decode(codec, bytes, bytesMax);

const schemaFile = new URL('../../src/network/wire/barter.proto', import.meta.url);

describe('what one agent says another hears unchanged', () => {
  test('every message', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(must(back(coreMessage, there(coreMessage, value)))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  test('every load summary', () => {
    fc.assert(
      fc.property(summary, (value) => {
        expect(must(back(loadSummary, there(loadSummary, value)))).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  test('a book of 200 claims with 32 partners each fits into one frame', () => {
    const book = largeBook(200, 32);
    const propose: Message = { kind: 'propose', deal: 'd' as DealId, expiresInMs: 1, book };
    const bytes = there(coreMessage, propose);
    expect(bytes.length).toBeLessThan(limits.frameBytes);
    expect(must(back(coreMessage, bytes))).toEqual(propose);
  });
});

describe('the schema file', () => {
  test('is what the codecs say (npm run proto -w packages/agent writes it)', () => {
    expect(readFileSync(schemaFile, 'utf8')).toBe(protoText());
  });

  test('lets an independent implementation read and write every message', () => {
    const root = protobuf.parse(protoText()).root;
    const theirs = root.lookupType('barter.Message');
    fc.assert(
      fc.property(message, (value) => {
        const read = theirs.decode(there(coreMessage, value));
        const written = theirs.encode(read).finish();
        expect(must(back(coreMessage, written))).toEqual(value);
      }),
      { numRuns: 200 },
    );
  });
});

describe('bytes from a peer', () => {
  const codecs: readonly Codec<never>[] = [
    frame,
    joinRequest,
    joinAnswer,
    coreMessage,
    loadSummary,
  ] as unknown as readonly Codec<never>[];

  test('that are random never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(...codecs), (bytes, codec) => {
        const result = back(codec, bytes);
        expect(typeof result.ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });

  test('that are a message with some bytes changed never throw, and what is accepted is in bounds', () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(message, change, fc.nat(), (value, changes, cut) => {
        const bytes = there(coreMessage, value).slice();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        for (const hurt of [bytes, bytes.subarray(0, cut % bytes.length)]) {
          const result = back(coreMessage, hurt);
          // Whatever is let in can be said again: it is within every limit.
          if (result.ok) there(coreMessage, result.value);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['a rate that is not a number', { ...summaryOf('h' as HostId, 1).load, cpu: Number.NaN }],
    ['an endless rate', { ...summaryOf('h' as HostId, 1).load, cpu: Number.POSITIVE_INFINITY }],
    ['a negative amount', { ...summaryOf('h' as HostId, 1).load, memoryBytes: -1 }],
  ])('with %s are refused, and are not sent either', (_, load) => {
    const value = { ...summaryOf('h' as HostId, 1), load };
    expect(encode(loadSummary, value, bytesMax)).toMatchObject({ ok: false, code: 'unencodable' });
    const theirs = protobuf.parse(protoText()).root.lookupType('barter.LoadSummary');
    const plain = theirs.toObject(theirs.decode(there(loadSummary, summaryOf('h' as HostId, 1))));
    const bytes = theirs.encode({ ...plain, load: { ...load } }).finish();
    expect(back(loadSummary, bytes)).toMatchObject({ ok: false, code: 'malformed' });
  });

  test('with a word nobody knows, a missing part, an empty id or too long a text are refused', () => {
    const theirs = protobuf.parse(protoText()).root.lookupType('barter.Message');
    const hears = (value: object) => back(coreMessage, theirs.encode(value).finish());
    const decline = { deal: 'd', reason: 'busy', detail: '' };
    expect(hears({ decline }).ok).toBe(true);
    for (const wrong of [
      {},
      { decline: { ...decline, reason: 'bored' } },
      { decline: { deal: 'd', detail: '' } },
      { decline: { ...decline, deal: '' } },
      { decline: { ...decline, deal: 'd'.repeat(limits.id + 1) } },
      { propose: { deal: 'd', expiresInMs: 1 } },
    ]) {
      expect(hears(wrong), JSON.stringify(wrong)).toMatchObject({ ok: false, code: 'malformed' });
    }
  });

  test('that point beside a table are refused', () => {
    const theirs = protobuf.parse(protoText()).root.lookupType('barter.Message');
    const hears = (value: object) => back(coreMessage, theirs.encode(value).finish());
    const notice = { domain: 'd', name: '', holder: 0, home: 0, version: 1 };
    const place = { host: 0, name: '' };
    expect(hears({ announce: { id: 1, hosts: ['h'], domains: [notice] } }).ok).toBe(true);
    expect(hears({ found: { hosts: ['h'], domains: [notice], places: [place] } }).ok).toBe(true);
    for (const wrong of [
      { announce: { id: 1, hosts: ['h'], domains: [{ ...notice, holder: 3 }] } },
      { found: { hosts: ['h'], domains: [{ ...notice, holder: 1 }] } },
      { found: { hosts: ['h'], domains: [{ ...notice, home: 1 }] } },
      { found: { hosts: ['h'], places: [{ ...place, host: 1 }] } },
    ]) {
      expect(hears(wrong), JSON.stringify(wrong)).toMatchObject({ ok: false, code: 'malformed' });
    }
  });

  test('from a newer agent are read without what this one does not know', () => {
    const proto = protoText().replace(
      'string reason = 2;',
      'string reason = 2; string mood = 99; HostLoad load = 98;',
    );
    const theirs = protobuf.parse(proto).root.lookupType('barter.Message');
    const decline = { deal: 'd', reason: 'busy', detail: '', mood: 'sorry', load: { cpu: 2 } };
    expect(must(back(coreMessage, theirs.encode({ decline }).finish()))).toEqual({
      kind: 'decline',
      deal: 'd',
      reason: 'busy',
      detail: '',
    });
  });

  test('with more items than allowed are refused before all of them are read', () => {
    const hostEntry = Buffer.from([0x0a, 0x01, 0x78]);
    const bytes = Buffer.concat(Array(2000).fill(Buffer.concat([hostEntry])) as Buffer[]);
    const hints = Buffer.concat([Buffer.from([0x1a]), varint(bytes.length), bytes]);
    expect(back(frame, hints)).toMatchObject({ ok: false, code: 'malformed' });
  });
});

describe('JSON in requests', () => {
  test('is bounded in depth and size, and malformed text is a failure', () => {
    const deep = (levels: number) =>
      new TextEncoder().encode('['.repeat(levels) + ']'.repeat(levels));
    expect(readJson(deep(limits.jsonDepth)).ok).toBe(true);
    expect(readJson(deep(limits.jsonDepth + 1))).toMatchObject({ code: 'not-json' });
    expect(readJson(deep(100_000))).toMatchObject({ code: 'not-json' });
    expect(readJson(new Uint8Array([0xff, 0xfe]))).toMatchObject({ code: 'not-json' });
    expect(writeJson('x'.repeat(limits.jsonBytes))).toMatchObject({ code: 'too-large' });
    expect(writeJson({ a: 1n } as never)).toMatchObject({ code: 'not-json' });
    expect(must(readJson(must(writeJson({ a: [1, null, 'x'] }))))).toEqual({ a: [1, null, 'x'] });
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Like a busy host's: every partner is another domain, somewhere among 40 hosts in 10 racks. */
function largeBook(claims: number, partners: number): Book {
  const uuid = (number: number) =>
    `00000000-0000-4000-8000-${number.toString().padStart(12, '0')}` as DomainId;
  const host = (number: number) => `12D3KooW${number.toString().padStart(44, 'x')}` as HostId;
  const { capacity, load } = summaryOf(host(0), 1);
  return {
    host: host(0),
    name: 'h0',
    location: ['pod1', 'rack1'],
    capacity,
    load,
    fixed: { keepApart: [], keepTogether: [] },
    offers: Array.from({ length: claims }, (_, index) => ({
      claim: { domain: uuid(index), home: host(0), holder: host(0), version: 3 },
      traits: {
        name: `vm-${index}`,
        memoryBytes: 2 ** 31,
        vcpus: 2,
        cpu: 0.37,
        dirtyBytesPerSecond: 1e6,
        migrationBytes: 2.2e9,
        policy: {},
      },
      row: Array.from({ length: partners }, (_, partner) => ({
        partner: uuid(1000 + index * partners + partner),
        bitsPerSecond: 12345.678 + partner,
      })),
    })),
    partners: Array.from({ length: claims * partners }, (_, index) => ({
      domain: uuid(1000 + index),
      holder: host(index % 40),
      location: ['pod1', `rack${index % 10}`],
      version: 7,
    })),
  };
}
