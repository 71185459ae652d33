/** What the source's libvirtd sees of a way that breaks, before, while and after the target is ordered to run. */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OrderGuard, type OrderState } from '../../src/mover/order-guard.ts';
import { frame } from './calls.ts';

const order = frame({ procedure: 306, payload: Buffer.alloc(16) });
const cancellation = frame({ procedure: 306, payload: Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]) });
const answer = frame({ procedure: 306, type: 1 });
const ping = frame({ program: 0x6b65_6570, procedure: 1, type: 2 });
const pong = frame({ program: 0x6b65_6570, procedure: 2, type: 2 });
pong.writeUInt32BE(0, 20);

let directory: string;
let server: Server;
/** The source's libvirtd. */
let libvirtd: Socket;
let guard: OrderGuard;
let states: (OrderState | 'ordered' | 'answered')[];
/** What has to be done before an order passes fails. */
let isForbidden: boolean;
let isClosed: boolean;
let heard: Buffer[];
let passed: Buffer[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'guard-'));
  [states, heard, passed, isClosed, isForbidden] = [[], [], [], false, false];
  const path = join(directory, 'near.sock');
  const guarded = Promise.withResolvers<void>();
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    guard = new OrderGuard(near, {
      onOrder: () => {
        if (isForbidden) throw new Error('QEMU cannot be stopped');
        states.push('ordered');
      },
      onAnswered: () => states.push('answered'),
      onChange: (state) => states.push(state),
    });
    guard.on('data', (chunk: Buffer) => passed.push(chunk));
    guard.on('error', () => {});
    guarded.resolve();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const socket = connect({ path, allowHalfOpen: true });
  libvirtd = socket;
  libvirtd.on('data', (chunk: Buffer) => heard.push(chunk));
  for (const event of ['end', 'close'] as const)
    socket.on(event, () => {
      isClosed ||= socket === libvirtd;
    });
  await guarded.promise;
});

afterEach(async () => {
  libvirtd.destroy();
  await turn();
  server.close();
  rmSync(directory, { recursive: true });
});

const turn = () => new Promise((resolve) => setTimeout(resolve, 30));

async function says(...frames: readonly Buffer[]): Promise<void> {
  libvirtd.write(Buffer.concat(frames));
  await turn();
}

test('passes everything on as it came, and the answers back', async () => {
  await says(ping, order);
  expect(Buffer.concat(passed)).toEqual(Buffer.concat([ping, order]));
  guard.write(answer);
  await turn();
  expect(Buffer.concat(heard)).toEqual(answer);
  expect(states).toEqual(['ordered', 'pending', 'answered', 'none']);
});

test.each([
  ['before anything is ordered', [ping]],
  ['after the migration was cancelled', [cancellation]],
])('a way that breaks %s breaks for libvirtd as well', async (_when, frames) => {
  await says(...frames);
  guard.destroy();
  await turn();
  expect(isClosed).toBe(true);
});

test('a way that breaks after the answer breaks for libvirtd as well', async () => {
  await says(order);
  guard.write(answer);
  await turn();
  guard.destroy();
  await turn();
  expect(isClosed).toBe(true);
});

test.each([
  ['is cut', () => guard.destroy(new Error('cut'))],
  ['ends', () => guard.end()],
])(
  'a way that %s before the answer does not break for libvirtd, whose pings are answered',
  async (_how, breaks) => {
    await says(order);
    breaks();
    await turn();
    expect(isClosed).toBe(false);
    expect(states).toEqual(['ordered', 'pending', 'held']);
    await says(ping, ping);
    expect(Buffer.concat(heard)).toEqual(Buffer.concat([pong, pong]));
    libvirtd.destroy();
    await turn();
    expect(states.at(-1)).toBe('none');
  },
);

test('a way that only stands still is kept alive for libvirtd too', async () => {
  await says(order, ping);
  expect(Buffer.concat(heard)).toEqual(pong);
  expect(states).toEqual(['ordered', 'pending']);
});

test('an order before which QEMU could not be stopped does not pass, and libvirtd sees the way break', async () => {
  isForbidden = true;
  await says(ping, order);
  expect(passed).toEqual([]);
  expect(isClosed).toBe(true);
  expect(states).toEqual([]);
});

test('a libvirtd that hangs up before the answer is told nothing: what it does next must have no effect', async () => {
  await says(order);
  libvirtd.destroy();
  await turn();
  guard.write(answer);
  await turn();
  expect(states).not.toContain('answered');
  expect(states.at(-1)).toBe('none');
});
