import type { HostId } from '@barter/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dialTargets, fullMeshMax } from '../../src/network/dial-targets.ts';
import { Liveness } from '../../src/network/liveness.ts';
import { Outbox } from '../../src/network/outbox.ts';
import { TokenBucket } from '../../src/network/rate-limit.ts';
import { Reconnect } from '../../src/network/reconnect.ts';
import { ShutOuts } from '../../src/network/shut-out.ts';

const host = (name: string) => name as HostId;

describe('the outbox', () => {
  test('never holds more than its bounds, gives up the oldest first, and keeps what is not best effort', () => {
    const frame = fc.record({ size: fc.integer({ min: 1, max: 60 }), bestEffort: fc.boolean() });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
        const outbox = new Outbox({ bytesMax: 200, framesMax: 10 });
        const accepted: number[] = [];
        const promised: number[] = [];
        for (const [index, { size, bestEffort }] of frames.entries()) {
          const bytes = new Uint8Array(size).fill(index);
          const taken = outbox.push({ bytes, bestEffort });
          if (taken) accepted.push(index);
          if (taken && !bestEffort) promised.push(index);
          expect(outbox.bytes).toBeLessThanOrEqual(200);
          expect(outbox.length).toBeLessThanOrEqual(10);
        }
        const left: number[] = [];
        while (outbox.length > 0) {
          const batch = outbox.take(70);
          expect(batch.length).toBeGreaterThan(0);
          left.push(...batch.map((bytes) => bytes[0] ?? -1));
        }
        expect(left).toEqual([...left].sort((a, b) => a - b));
        expect(left.filter((index) => promised.includes(index))).toEqual(promised);
        const gone = accepted.filter((index) => !left.includes(index) && !promised.includes(index));
        const refused = frames.filter(
          (each, index) => each.bestEffort && !accepted.includes(index),
        );
        expect(outbox.dropped).toBe(gone.length + refused.length);
        expect(outbox.bytes).toBe(0);
      }),
    );
  });
});

describe('a token bucket', () => {
  test('allows its capacity at once, then its rate, whatever the clock does', () => {
    const steps = fc.array(fc.integer({ min: -50, max: 200 }), { maxLength: 50 });
    fc.assert(
      fc.property(steps, (stepsMs) => {
        let nowMs = 1000;
        const bucket = new TokenBucket({ capacity: 5, perSecond: 10 }, () => nowMs);
        let taken = 0;
        let forwardMs = 0;
        for (const stepMs of stepsMs) {
          nowMs += stepMs;
          forwardMs += Math.max(0, stepMs);
          while (bucket.take()) taken += 1;
        }
        expect(taken).toBeLessThanOrEqual(5 + forwardMs / 100 + 1e-6);
      }),
    );
  });
});

describe('whom to stay connected to', () => {
  const members = (count: number) =>
    Array.from({ length: count }, (_, index) => host(`h${index.toString().padStart(4, '0')}`));

  test('everybody, in clusters of ordinary size', () => {
    const all = members(fullMeshMax);
    expect(dialTargets(all[3] as HostId, all)).toHaveLength(fullMeshMax - 1);
  });

  test.each([65, 100, 500])('a few of %i, both ways, with everybody in reach', (count) => {
    const all = members(count);
    const targets = new Map(all.map((each) => [each, new Set(dialTargets(each, all))]));
    for (const [each, theirs] of targets) {
      expect(theirs.size).toBeLessThanOrEqual(2 * Math.log2(count));
      for (const other of theirs) expect(targets.get(other)?.has(each)).toBe(true);
    }
    let reached = new Set(all.slice(0, 1));
    let hops = 0;
    for (; reached.size < count; hops += 1) {
      reached = new Set([...reached].flatMap((each) => [each, ...(targets.get(each) ?? [])]));
    }
    expect(hops).toBeLessThanOrEqual(Math.ceil(Math.log2(count)));
  });
});

describe('the reconnect loop', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('never gives up, waits longer each time up to ten seconds, and stops when connected', async () => {
    const dialledAtMs: number[] = [];
    let isConnected = false;
    const reconnect = new Reconnect({
      self: host('a'),
      isConnected: () => isConnected,
      dial: async () => {
        dialledAtMs.push(Date.now());
      },
    });
    reconnect.setTargets([host('b')]);
    await vi.advanceTimersByTimeAsync(600_000);
    const pauses = dialledAtMs.slice(1).map((atMs, index) => atMs - (dialledAtMs[index] ?? 0));
    expect(pauses.length).toBeGreaterThan(60);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(10_001);
    expect(pauses[0]).toBeLessThanOrEqual(251);
    expect(Math.min(...pauses.slice(10))).toBeGreaterThanOrEqual(4999);
    isConnected = true;
    reconnect.connected(host('b'));
    const before = dialledAtMs.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialledAtMs).toHaveLength(before);
    isConnected = false;
    reconnect.disconnected(host('b'));
    // The first pause is 125 to 250 ms, and so is the second.
    await vi.advanceTimersByTimeAsync(250);
    expect(dialledAtMs).toHaveLength(before + 1);
    reconnect.setTargets([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialledAtMs).toHaveLength(before + 1);
    reconnect.close();
  });

  test('dials at most sixteen at once', async () => {
    let underWay = 0;
    let most = 0;
    const reconnect = new Reconnect({
      self: host('a'),
      isConnected: () => false,
      dial: async () => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setTimeout(resolve, 5000));
        underWay -= 1;
      },
    });
    reconnect.setTargets(Array.from({ length: 60 }, (_, index) => host(`b${index}`)));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(most).toBe(16);
    reconnect.close();
  });
});

describe('liveness', () => {
  function watched() {
    const now = { ms: 0 };
    const session = { stream: { heardAtMs: 0 } };
    const did: string[] = [];
    const liveness = new Liveness({
      sessions: () => [session as never],
      ask: () => did.push(`asked at ${now.ms}`),
      lost: () => did.push(`lost at ${now.ms}`),
      nowMs: () => now.ms,
    });
    const passMs = (ms: number) => {
      now.ms += ms;
      liveness.tick();
    };
    return { session, did, passMs };
  }

  test('asks after a second of silence, and gives up after two and a half', () => {
    const { did, passMs } = watched();
    for (let tick = 0; tick < 6; tick += 1) passMs(500);
    expect(did).toEqual([
      'asked at 1000',
      'asked at 1500',
      'asked at 2000',
      'asked at 2500',
      'lost at 3000',
    ]);
  });

  test('is content with whatever it hears', () => {
    const { session, did, passMs } = watched();
    for (let tick = 1; tick < 20; tick += 1) {
      passMs(500);
      session.stream.heardAtMs = tick * 500;
    }
    expect(did).toEqual([]);
  });

  test('does not hold it against a peer that we were busy ourselves', () => {
    const { did, passMs } = watched();
    passMs(500);
    passMs(60_000);
    passMs(500);
    expect(did.filter((each) => each.startsWith('lost'))).toEqual([]);
    for (let tick = 0; tick < 4; tick += 1) passMs(500);
    expect(did.at(-1)).toMatch(/^lost/);
  });
});

test('a peer is shut out for longer each time, and after a while not at all', () => {
  let nowMs = 0;
  const shut: HostId[] = [];
  const shutOuts = new ShutOuts(
    { log: () => {} },
    (peer) => shut.push(peer),
    () => nowMs,
  );
  const lastsMs = () => {
    shutOuts.shutOut(host('b'), 'garbage');
    const fromMs = nowMs;
    while (shutOuts.has(host('b'))) nowMs += 1000;
    return nowMs - fromMs;
  };
  expect([lastsMs(), lastsMs(), lastsMs()]).toEqual([30_000, 60_000, 120_000]);
  for (let each = 0; each < 5; each += 1) lastsMs();
  expect(lastsMs()).toBe(600_000);
  nowMs += 3_600_001;
  expect(lastsMs()).toBe(30_000);
  expect(shutOuts.has(host('c'))).toBe(false);
  expect(new Set(shut)).toEqual(new Set([host('b')]));
});

test('a peer that falls silent every ten seconds is forgiven for ever, one that does every three is not', () => {
  const silences = (everyMs: number) => {
    let nowMs = 0;
    const shutOuts = new ShutOuts(
      { log: () => {} },
      () => {},
      () => nowMs,
    );
    let count = 0;
    for (; count < 1000 && !shutOuts.has(host('b')); count += 1) {
      nowMs += everyMs;
      shutOuts.fellSilent(host('b'));
    }
    return count;
  };
  expect(silences(10_000)).toBe(1000);
  expect(silences(3000)).toBeLessThan(20);
});
