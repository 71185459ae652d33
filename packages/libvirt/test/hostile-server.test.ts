/** Whatever comes out of the socket, a call ends in an answer or an error of its own, and the process lives. */

import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  eventId,
  hostProcedures,
  keepaliveProcedure,
  keepaliveProgram,
  LibvirtConnection,
  LibvirtError,
  messageStatus,
  messageType,
  XdrWriter,
} from '../src/index.ts';
import { type Behaviour, errorPayload, FakeLibvirtd, frame } from './fake-libvirtd.ts';

const keepalive = { intervalMs: 40, unansweredMax: 2 };
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function connected(
  behaviour: Behaviour,
  settings: { callTimeoutMs?: number } = {},
): Promise<{ fake: FakeLibvirtd; connection: LibvirtConnection }> {
  const fake = await FakeLibvirtd.start(behaviour);
  ends.push(() => fake.end());
  const connection = await LibvirtConnection.open({
    socketPath: fake.socketPath,
    keepalive,
    ...settings,
  });
  ends.push(() => connection.close());
  return { fake, connection };
}

const hostname = (connection: LibvirtConnection) =>
  connection.call(hostProcedures.capabilities, undefined);

const failureOf = (promise: Promise<unknown>): Promise<LibvirtError> =>
  promise.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: unknown) => error as LibvirtError,
  );

describe('frames that cannot be', () => {
  test.each([
    ['a length of 4 GiB', Buffer.from('ffffffff', 'hex')],
    ['a length just above 32 MiB', Buffer.from('02000005', 'hex')],
    ['a length of zero', Buffer.from('00000000', 'hex')],
    ['a length shorter than a header', Buffer.from('0000001b', 'hex')],
  ])('%s ends the connection and rejects the call', async (_, bytes) => {
    const { connection } = await connected({ onCall: (_call, peer) => peer.socket.write(bytes) });
    const error = await failureOf(hostname(connection));
    expect(error).toMatchObject({ kind: 'protocol', procedure: 'connect_get_capabilities' });
    expect(error.message).toContain('frame of');
    expect((await connection.closed).kind).toBe('protocol');
    expect(await failureOf(hostname(connection))).toMatchObject({ kind: 'closed' });
  });

  test('a frame that never ends is given up by its call’s timeout', async () => {
    const half = frame({ payload: Buffer.alloc(1000) }).subarray(0, 500);
    const { connection } = await connected(
      { onCall: (_call, peer) => peer.socket.write(half), answersPings: false },
      { callTimeoutMs: 30 },
    );
    expect(await failureOf(hostname(connection))).toMatchObject({ kind: 'timeout' });
  });
});

describe('answers that do not have their shape', () => {
  const reply = (payload: Buffer, status: number = messageStatus.ok): Behaviour => ({
    onCall: (call, peer) => peer.reply(call, payload, status),
  });

  test.each([
    ['no bytes at all', Buffer.alloc(0)],
    ['a string that is longer than its frame', Buffer.from('0000ffff41', 'hex')],
    ['a string of 4 GiB', Buffer.from('ffffffff', 'hex')],
  ])('%s fails that call, and the next one works', async (_, payload) => {
    let calls = 0;
    const { connection } = await connected({
      onCall: (call, peer) => {
        calls += 1;
        peer.reply(call, calls === 1 ? payload : new XdrWriter().string('h1').bytes());
      },
    });
    expect(await failureOf(hostname(connection))).toMatchObject({ kind: 'protocol' });
    expect(await hostname(connection)).toBe('h1');
  });

  test('an error without its fields is still that call’s error', async () => {
    const { connection } = await connected(reply(Buffer.from('00', 'hex'), messageStatus.error));
    const error = await failureOf(hostname(connection));
    expect(error.kind).toBe('protocol');
    expect(error.message).toContain('unreadable error');
  });

  test('an error carries libvirt’s code, domain and words', async () => {
    const { connection } = await connected(
      reply(errorPayload(42, 10, 'Domain not found'), messageStatus.error),
    );
    const error = await failureOf(hostname(connection));
    expect(error).toMatchObject({
      kind: 'refused',
      code: 42,
      domain: 10,
      message: 'Domain not found',
      codeName: 'noDomain',
    });
  });

  test('answers nobody asked for, unknown programs and unknown events are passed over', async () => {
    const { fake, connection } = await connected({
      onCall: (call, peer) => {
        peer.socket.write(frame({ serial: 4_000_000_000, payload: Buffer.from('garbage!') }));
        peer.socket.write(frame({ program: 7, payload: Buffer.from('garbage!') }));
        peer.socket.write(frame({ type: messageType.stream, serial: call.serial }));
        peer.socket.write(frame({ procedure: 9999, type: messageType.message }));
        peer.reply(call, new XdrWriter().string('h1').bytes());
        peer.reply(call, new XdrWriter().string('a second answer').bytes());
      },
    });
    expect(await hostname(connection)).toBe('h1');
    expect(await hostname(connection)).toBe('h1');
    expect(fake.connections).toBe(1);
  });

  test('random bytes as an answer never do more than fail the call', async () => {
    let payload = Buffer.alloc(0);
    let status = 0;
    const { connection } = await connected({
      onCall: (call, peer) => peer.reply(call, payload, status),
    });
    const procedures = Object.values(hostProcedures).filter(
      (p) => p.name !== 'connect_get_domain_capabilities' && p.name !== 'connect_list_all_networks',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(0, 1, 2, 77),
        fc.constantFrom(...procedures),
        async (bytes, answerStatus, procedure) => {
          payload = Buffer.from(bytes);
          status = answerStatus;
          const outcome = await connection
            .call(procedure as (typeof hostProcedures)['capabilities'], undefined)
            .catch((error: unknown) => error);
          if (typeof outcome === 'object' && outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(LibvirtError);
          }
          expect(connection.isOpen).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('events', () => {
  test('an event that cannot be read is counted, and the next one arrives', async () => {
    const { fake, connection } = await connected({});
    await connection.registerEvents(['lifecycle']);
    const seen = Promise.withResolvers<unknown>();
    connection.onEvent((event) => seen.resolve(event));
    const message = { procedure: 318, type: messageType.message };
    fake.say(frame({ ...message, payload: Buffer.from('0000000000000', 'hex') }));
    const uuid = Buffer.alloc(16, 0xab);
    const payload = new XdrWriter().int(0).string('vm1').fixed(uuid).int(3).int(2).int(1).bytes();
    fake.say(frame({ ...message, payload }));
    expect(await seen.promise).toEqual({
      kind: 'lifecycle',
      domain: { name: 'vm1', uuid: 'abababab-abab-abab-abab-abababababab', id: 3 },
      event: 2,
      detail: 1,
    });
    expect(connection.malformedEvents).toBe(1);
    expect(eventId.lifecycle).toBe(0);
  });
});

describe('silence', () => {
  test('libvirtd’s pings are answered', async () => {
    const { fake, connection } = await connected({
      onCall: (call, peer) => peer.reply(call, new XdrWriter().string('h1').bytes()),
    });
    const type = messageType.message;
    fake.say(frame({ program: keepaliveProgram, procedure: keepaliveProcedure.ping, type }));
    await hostname(connection);
    await expect.poll(() => fake.pongs).toBe(1);
  });

  test('a server that answers pings may take as long as the call’s timeout', async () => {
    const { fake, connection } = await connected({}, { callTimeoutMs: keepalive.intervalMs * 8 });
    expect(await failureOf(hostname(connection))).toMatchObject({ kind: 'timeout' });
    expect(connection.isOpen).toBe(true);
    expect(fake.connections).toBe(1);
  });

  test('a server that answers nothing at all loses the connection, not only the call', async () => {
    const { connection } = await connected({ answersPings: false });
    const error = await failureOf(hostname(connection));
    expect(error.kind).toBe('closed');
    expect(error.message).toContain('silent');
  });

  test('when every place is held by a call without an answer, the connection is given up', async () => {
    const { connection } = await connected({}, { callTimeoutMs: 50 });
    const errors = await Promise.all(
      Array.from({ length: 6 }, () => failureOf(hostname(connection))),
    );
    expect(errors.map((error) => error.kind)).toContain('timeout');
    expect((await connection.closed).message).toContain('unanswered');
  });

  test('no more than four calls are on their way at once, so that pings get through', async () => {
    const { fake, connection } = await connected({}, { callTimeoutMs: 100 });
    const before = fake.calls.length;
    const outcomes = Array.from({ length: 9 }, () => failureOf(hostname(connection)));
    await expect.poll(() => fake.calls.length - before).toBe(4);
    await Promise.all(outcomes);
    expect(fake.calls.length - before).toBe(4);
  });

  test('a server that hangs up rejects everything at once', async () => {
    const { fake, connection } = await connected({}, { callTimeoutMs: 60_000 });
    const outcomes = Array.from({ length: 100 }, () => failureOf(hostname(connection)));
    fake.hangUp();
    for (const error of await Promise.all(outcomes)) expect(error.kind).toBe('closed');
  });
});

describe('opening', () => {
  test('nobody listens: one sentence with the socket’s path', async () => {
    const error = await failureOf(
      LibvirtConnection.open({ socketPath: '/nonexistent/libvirt-sock' }),
    );
    expect(error.kind).toBe('closed');
    expect(error.message).toContain('/nonexistent/libvirt-sock');
  });

  test('a libvirtd that wants SASL is refused with what to change', async () => {
    const fake = await FakeLibvirtd.start({ authentication: [1] });
    ends.push(() => fake.end());
    const error = await failureOf(LibvirtConnection.open({ socketPath: fake.socketPath }));
    expect(error.message).toContain('auth_unix_rw');
  });

  test('a message larger than a frame is refused here and sent nowhere', async () => {
    const { fake, connection } = await connected({});
    const before = fake.calls.length;
    const huge = {
      name: 'huge',
      number: 11,
      encode: () => Buffer.alloc(33 * 1024 * 1024),
      decode: () => null,
    };
    expect(await failureOf(connection.call(huge, undefined))).toMatchObject({ kind: 'protocol' });
    expect(fake.calls.length).toBe(before);
    expect(connection.isOpen).toBe(true);
  });
});
