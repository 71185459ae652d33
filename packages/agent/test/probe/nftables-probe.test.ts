import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createNft } from '../../src/probe/nft-command.ts';
import {
  NftablesProbe,
  type NftablesProbeOptions,
  ProbeError,
} from '../../src/probe/nftables-probe.ts';
import { type Bridge, createBridge, whyNoBridge } from './bridge.ts';

const reason = await whyNoBridge();
if (reason !== undefined) console.log(`skipped: the traffic probe on a real bridge (${reason})`);
const real = test.skipIf(reason !== undefined);

// Each datagram's sender is a process of its own.
vi.setConfig({ testTimeout: 60_000 });

let bridge: Bridge;
let directory: string;
let nowMs = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'barter-probe-'));
  if (reason === undefined) bridge = await createBridge(3);
}, 60_000);

afterAll(async () => {
  await bridge?.remove();
  await rm(directory, { recursive: true, force: true });
});

afterEach(async () => {
  if (reason === undefined) await createProbe().remove();
});

/** A probe whose clock the test moves: the traffic is real, the time is not. */
function createProbe(options: Partial<NftablesProbeOptions> = {}): NftablesProbe {
  return new NftablesProbe({
    smoothingSeconds: 10,
    monotonicMs: () => nowMs,
    nft: createNft(bridge.nft),
    ...options,
  });
}

/** Payload plus UDP and IPv4 headers: what the bridge's hook sees of a datagram. */
function wireBits(payloadBytes: number, count: number): number {
  return (payloadBytes + 28) * count * 8;
}

real(
  'two guests of one host talk: the exact bytes, both directions, nothing for a broadcast',
  async () => {
    const [one, two, three] = [bridge.macOf(1), bridge.macOf(2), bridge.macOf(3)];
    const probe = createProbe();
    await probe.start();
    const local = new Set([one, two]);
    expect((await probe.read(local)).rates).toEqual([]);
    await bridge.send(1, 2, 1000, 50);
    await bridge.send(2, 1, 200, 20);
    await bridge.send(3, 1, 100, 10);
    await bridge.broadcast(1);
    nowMs += 5000;
    const reading = await probe.read(local);
    const rates = Object.fromEntries(
      reading.rates.map(({ a, b, bitsPerSecond }) => [`${a} ${b}`, bitsPerSecond]),
    );
    expect(Object.keys(rates).sort()).toEqual([`${one} ${two}`, `${one} ${three}`].sort());
    expect(rates[`${one} ${two}`]).toBeCloseTo((wireBits(1000, 50) + wireBits(200, 20)) / 5, 3);
    expect(rates[`${one} ${three}`]).toBeCloseTo(wireBits(100, 10) / 5, 3);
    expect(reading).toMatchObject({ measured: false, problems: [] });
    nowMs += 5000;
    expect((await probe.read(local)).measured).toBe(true);
  },
);

real(
  'counters and averages survive an agent that restarts, and what passed meanwhile counts',
  async () => {
    const stateFile = join(directory, 'probe.json');
    const local = new Set([bridge.macOf(1)]);
    const first = createProbe({ stateFile });
    await first.start();
    await first.read(local);
    nowMs += 10_000;
    expect((await first.read(local)).measured).toBe(true);
    await first.close();
    await bridge.send(1, 2, 1000, 40);

    const second = createProbe({ stateFile });
    await second.start();
    nowMs += 5000;
    const reading = await second.read(local);
    expect(reading.measured).toBe(true);
    // 5 s of 15 s at this rate, the older 10 s silent, with e^(-t/10) as the weight.
    const weight = (1 - Math.exp(-0.5)) / (1 - Math.exp(-1.5));
    expect(reading.rates[0]?.bitsPerSecond).toBeCloseTo((wireBits(1000, 40) / 5) * weight, 3);

    // One that was away for longer than a window starts with a baseline of its own.
    nowMs += 11_000;
    const third = createProbe({ stateFile });
    await third.start();
    expect(await third.read(local)).toMatchObject({ measured: false, rates: [], problems: [] });
  },
);

real(
  'a full set is noticed to the byte, and forgotten a window after it has room again',
  async () => {
    const local = new Set([bridge.macOf(1)]);
    const probe = createProbe({ shape: { pairsMax: 2, expireSeconds: 900 } });
    await probe.start();
    await probe.read(local);
    nowMs += 10_000;
    expect((await probe.read(local)).measured).toBe(true);
    await bridge.send(1, 2, 100, 1);
    await bridge.send(2, 1, 100, 1);
    await bridge.send(1, 3, 1000, 7);
    nowMs += 5000;
    const reading = await probe.read(local);
    expect(reading.measured).toBe(false);
    const lostBytes = wireBits(1000, 7) / 8;
    expect(reading.problems[0]).toContain(`${lostBytes} bytes of traffic could not be counted`);
    expect(reading.problems[1]).toContain('The pair set is full: 2 pairs');
    // As if they had expired.
    await createNft(bridge.nft)(['flush', 'set', 'bridge', 'barter', 'pairs']);
    nowMs += 5000;
    expect(await probe.read(local)).toMatchObject({ measured: false, problems: [] });
    nowMs += 10_000;
    expect((await probe.read(local)).measured).toBe(true);
  },
);

real('a table that a firewall reload flushed is put back, and that is said', async () => {
  const local = new Set([bridge.macOf(1)]);
  const probe = createProbe();
  await probe.start();
  await probe.read(local);
  await createNft(bridge.nft)(['flush', 'ruleset']);
  nowMs += 5000;
  const reading = await probe.read(local);
  expect(reading.problems[0]).toContain('have been put back');
  await bridge.send(1, 2, 1000, 10);
  nowMs += 5000;
  const next = await probe.read(local);
  expect(next).toMatchObject({ measured: false, problems: [] });
  expect(next.rates.length).toBe(1);
});

real('a table of the same shape is kept by a later start, another one is replaced', async () => {
  const nft = createNft(bridge.nft);
  const handle = async () => {
    const listed = await nft(['-j', 'list', 'table', 'bridge', 'barter']);
    return listed.ok ? /"name": "barter", "handle": (\d+)/.exec(listed.value)?.[1] : undefined;
  };
  await createProbe().start();
  const first = await handle();
  await createProbe().start();
  expect(await handle()).toBe(first);
  await createProbe({ shape: { pairsMax: 10, expireSeconds: 60 } }).start();
  expect(await handle()).not.toBe(first);
  await nft(
    ['-f', '-'],
    'table bridge barter {}\ndelete table bridge barter\ntable bridge barter { set pairs { type ether_addr; } }\n',
  );
  const probe = createProbe();
  await probe.start();
  expect(await probe.read(new Set())).toMatchObject({ problems: [] });
});

real('remove leaves nothing in the kernel, and may be called twice', async () => {
  const stateFile = join(directory, 'removed.json');
  const probe = createProbe({ stateFile });
  await probe.start();
  await probe.read(new Set());
  await probe.remove();
  await probe.remove();
  const ruleset = await createNft(bridge.nft)(['list', 'ruleset']);
  expect(ruleset).toEqual({ ok: true, value: '' });
  await expect(readFile(stateFile)).rejects.toThrow();
});

test('without nft, start says what to install, and a reading says it too', async () => {
  const nft = createNft([join(directory, 'no-such-program')]);
  const probe = new NftablesProbe({ smoothingSeconds: 10, monotonicMs: () => nowMs, nft });
  const error = await probe.start().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProbeError);
  expect(error).toMatchObject({
    code: 'nft-missing',
    message: 'The program nft was not found; install the package nftables.',
  });
  expect(await probe.read(new Set())).toMatchObject({
    measured: false,
    problems: ['The program nft was not found; install the package nftables.'],
  });
});

real('without the right to change tables, start says so in one sentence', async () => {
  const dropped = [
    'setpriv',
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--reuid=65534',
    '--clear-groups',
  ];
  const nft = createNft([...dropped, 'nft']);
  const probe = new NftablesProbe({ smoothingSeconds: 10, monotonicMs: () => nowMs, nft });
  await expect(probe.start()).rejects.toMatchObject({ code: 'nft-forbidden' });
});
